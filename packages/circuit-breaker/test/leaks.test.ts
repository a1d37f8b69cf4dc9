import { getEventListeners } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createFakeClock, isTorture, recordTorture, spawnNode } from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import {
  bulkhead,
  circuitBreaker,
  fallback,
  pipeline,
  retry,
  timeout,
  type Work,
} from '../src/index.ts';
import { everyPolicy } from './every-policy.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function heapUsed(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

const untilAborted: Work<never> = ({ signal }) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });

const CALLS = isTorture ? 1_000_000 : 200_000;

it(`${CALLS} calls under one long-lived signal leave the heap and the listeners as they were`, async () => {
  const { signal } = new AbortController();
  const policy = pipeline(
    fallback(0),
    retry(),
    circuitBreaker(),
    bulkhead({ limit: 5, queue: 5 }),
    timeout({ ms: 60_000 }),
  );
  const run = async (calls: number): Promise<void> => {
    for (let n = 0; n < calls; n += 1) await policy.execute(() => n, { signal });
  };
  await run(10_000);
  const before = heapUsed();
  const startedMs = performance.now();

  await run(CALLS);

  const seconds = Math.round((performance.now() - startedMs) / 1000);
  const result = { grownBytes: heapUsed() - before };
  recordTorture({ name: 'breaker-leaks', size: CALLS, seed: 0, result, seconds });
  // A listener or a timer a call would be a hundred times that.
  expect(result.grownBytes).toBeLessThan(64 * 1024 * 8);
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
}, 120_000);

describe.each(Object.entries(everyPolicy))('%s', (name, create) => {
  it('leaves no listener on a long-lived signal, whether calls succeed, fail or are aborted', async () => {
    const { signal } = new AbortController();
    const clock = createFakeClock();
    const policy = create(clock);
    const options = { signal, key: 'a', idempotent: true };
    for (let n = 0; n < 100; n += 1) {
      await policy.tryExecute(() => n, options);
      const failing = policy.tryExecute(() => Promise.reject(new Error('down')), options);
      await clock.advance(200_000);
      await failing;
      const aborted = new AbortController();
      const call = policy.tryExecute(untilAborted, {
        ...options,
        signal: aborted.signal,
      });
      aborted.abort();
      await call;
      expect(getEventListeners(aborted.signal, 'abort')).toHaveLength(0);
    }

    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('holds no timer while it is idle', async () => {
    const clock = createFakeClock();
    const policy = create(clock);
    expect(clock.pending()).toBe(0);

    await policy.tryExecute(() => 1, { key: 'a', idempotent: true });
    const failing = policy.tryExecute(() => Promise.reject(new Error('down')), { key: 'b' });
    await clock.advance(200_000);
    await failing;

    expect(clock.pending()).toBe(0);
  });

  it('leaves no timer that would keep the process alive after its last call', async () => {
    const child = await spawnNode<number>(new URL('exits.ts', import.meta.url), [name]);

    expect(await child.next()).toBe(0);
    expect(await child.exited).toMatchObject({ code: 0 });
  });
});
