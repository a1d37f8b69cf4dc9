import { expect, it } from 'vitest';
import { circuitBreaker } from '../src/index.ts';
import { pipeline } from '../src/index.ts';
import type { Policy } from '../src/index.ts';
import { retry } from '../src/index.ts';
import { timeout } from '../src/index.ts';

const policies: Record<string, () => Policy> = {
  retry: () => retry({ attempts: 1 }),
  circuitBreaker: () => circuitBreaker(),
  timeout: () => timeout({ ms: 1_000 }),
  pipeline: () => pipeline(retry({ attempts: 1 }), circuitBreaker(), timeout({ ms: 1_000 })),
};

it.each(Object.entries(policies))(
  '%s reports an outcome and never rejects',
  async (_name, make) => {
    const error = new Error('down');

    await expect(make().tryExecute(() => 7)).resolves.toEqual({ ok: true, value: 7 });
    await expect(
      make().tryExecute(() => {
        throw error;
      }),
    ).resolves.toEqual({ ok: false, error });
  },
);

it.each(Object.entries(policies))(
  '%s guards a function and keeps its arguments and this',
  async (_name, make) => {
    const device = {
      id: 'pump-1',
      read: make().guard(function (this: { id: string }, unit: string, factor: number) {
        return Promise.resolve(`${this.id} ${unit} ${factor}`);
      }),
    };

    await expect(device.read('bar', 10)).resolves.toBe('pump-1 bar 10');
  },
);

it.each(Object.entries(policies))('%s refuses what is not a function at once', (_name, make) => {
  const policy = make();
  const refusal = new TypeError('fn must be a function, got 42');

  expect(() => policy.execute(42 as never)).toThrow(refusal);
  expect(() => policy.tryExecute(42 as never)).toThrow(refusal);
  expect(() => policy.guard(42 as never)).toThrow(refusal);
});
