import { deadlineHeader } from '@holdfast/circuit-breaker/http';
import { createFakeClock, testSeed } from '@holdfast/testkit';
import fc from 'fast-check';
import { expect, it, test } from 'vitest';
import { timeout } from '../../src/index.ts';

const clock = createFakeClock({ startMs: 1_000 });

function written(remainingMs: number): string | null {
  const headers = new Headers();
  deadlineHeader.write(headers, { remainingMs: () => remainingMs });
  return headers.get('grpc-timeout');
}

test.each<[number, string | null]>([
  [250, '250m'],
  [250.9, '250m'],
  [1, '1m'],
  [0.9, '900000n'],
  [1e-7, '1n'],
  [0, '1n'],
  [-5, '1n'],
  [NaN, '1n'],
  [99_999_999, '99999999m'],
  [100_000_500, '100000S'],
  [99_999_999_999, '99999999S'],
  [100_000_000_000, '1666666M'],
  [1e14, '27777777H'],
  [1e300, '99999999H'],
  [Infinity, null],
])('%d ms left are written as %s', (remainingMs, value) => {
  expect(written(remainingMs)).toBe(value);
});

test.each<[unknown, number | undefined]>([
  ['250m', 250],
  ['2S', 2_000],
  ['1M', 60_000],
  ['1H', 3_600_000],
  ['500u', 0.5],
  ['1000000n', 1],
  ['0m', 0],
  ['99999999H', 99_999_999 * 3_600_000],
  ['100000000m', undefined],
  ['m', undefined],
  ['5', undefined],
  ['5s', undefined],
  ['-5m', undefined],
  ['5.5m', undefined],
  ['5m5m', undefined],
  ['', undefined],
  [undefined, undefined],
  [5, undefined],
  [['5m', '6m'], undefined],
])('%o is read as %o ms', (value, ms) => {
  const read = deadlineHeader.read({ 'grpc-timeout': value }, clock);

  expect(read).toEqual(ms === undefined ? undefined : { deadline: 1_000 + ms });
});

it('hands a deadline on from one process to another, whose clock is another', async () => {
  const headers: Record<string, string> = { 'Grpc-Timeout': '9H' };
  await timeout({ ms: 250, clock }).execute((context) => deadlineHeader.write(headers, context));
  const server = createFakeClock({ startMs: 77 });
  const options = deadlineHeader.read(headers, server);

  expect(headers).toEqual({ 'Grpc-Timeout': '250m' });
  const call = timeout({ ms: 1_000, clock: server })
    .execute(() => new Promise(() => undefined), options)
    .catch((error: unknown) => error);
  await server.advance(250);
  expect(await call).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
});

it('never makes more of the time that is left, and loses less than the unit', () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-6, max: 9.9e10, noNaN: true }), (remainingMs) => {
      const read = deadlineHeader.read(
        { 'grpc-timeout': written(remainingMs) },
        createFakeClock({ startMs: 0 }),
      );
      const unitMs = remainingMs < 1 ? 1e-3 : remainingMs < 1e8 ? 1 : 1_000;
      expect(read?.deadline).toBeLessThanOrEqual(remainingMs * (1 + 1e-12));
      expect(read?.deadline).toBeGreaterThan(remainingMs - unitMs - 1e-9);
    }),
    { seed: testSeed() },
  );
});

it('never throws for what a client sent', () => {
  fc.assert(
    fc.property(fc.anything(), (headers) => {
      expect(deadlineHeader.read(headers, clock)).toBeUndefined();
      deadlineHeader.read({ 'grpc-timeout': headers }, clock);
    }),
    { seed: testSeed() },
  );
});

it('refuses what it cannot write to, and what tells no time', () => {
  const context = { remainingMs: () => 5 };

  expect(() => deadlineHeader.write(null as never, context)).toThrow('headers must be an object');
  expect(() => deadlineHeader.write({}, null as never)).toThrow('context must be an object');
  expect(() => deadlineHeader.write({}, {} as never)).toThrow(
    'context.remainingMs must be a function, got undefined',
  );
});
