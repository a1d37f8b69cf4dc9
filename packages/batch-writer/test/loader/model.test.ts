import { createDeferred, seededRandom, type Deferred } from '@holdfast/internal';
import { createFakeClock, testSeed } from '@holdfast/testkit';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createBatchLoader } from '../../src/loader/create-batch-loader.ts';

const KEYS = ['a', 'b'] as const;
const TTL_MS = 50;

/** What was read of a key, and when; values are places in the list of all readings. */
interface Reading {
  readonly version: number;
  readonly startedMs: number;
  endedMs: number;
}

const key = fc.constantFrom(...KEYS);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('get' as const), key }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('getAborted' as const), key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('getAll' as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('write' as const), key }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('invalidate' as const), key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('prime' as const), key }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.nat(40) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      which: fc.nat(3),
      isOk: fc.boolean(),
    }),
  },
);

test('never gives what is older than an invalidation before the call, nor older than ttlMs', async () => {
  const options = fc.record({
    maxBatch: fc.integer({ min: 1, max: 3 }),
    concurrency: fc.integer({ min: 1, max: 3 }),
    maxEntries: fc.integer({ min: 1, max: 2 }),
    ttlJitter: fc.constantFrom(0, 0.5),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 10, maxLength: 80 }),
      options,
      async (steps, chosen) => {
        const clock = createFakeClock();
        const version = new Map<string, number>(KEYS.map((name) => [name, 0]));
        const oldest = new Map(version);
        const readings: Reading[] = [];
        const running: { readonly end: Deferred<void>; readonly startedMs: number }[] = [];
        const gets: Promise<unknown>[] = [];

        const read = (name: string): number => {
          const startedMs = clock.now();
          readings.push({ version: version.get(name)!, startedMs, endedMs: Infinity });
          return readings.length - 1;
        };
        const loader = createBatchLoader<string, { readonly reading: number }>({
          load: async (keys) => {
            const found = keys.map((name) => [name, { reading: read(name) }] as const);
            const end = createDeferred<void>();
            running.push({ end, startedMs: clock.now() });
            await end.promise;
            for (const [, { reading }] of found) readings[reading]!.endedMs = clock.now();
            return new Map(found);
          },
          ttlMs: TTL_MS,
          loadTimeoutMs: 1e9,
          clock,
          random: seededRandom(1),
          ...chosen,
        });
        const check = (place: number, least: number, calledMs: number): void => {
          const reading = readings[place]!;
          expect(reading.version).toBeGreaterThanOrEqual(least);
          const wasOnItsWay = reading.endedMs >= calledMs;
          if (!wasOnItsWay) expect(calledMs - reading.startedMs).toBeLessThan(TTL_MS);
        };
        const get = (name: string, signal?: AbortSignal): void => {
          const least = oldest.get(name)!;
          const calledMs = clock.now();
          const known = loader.peek(name);
          if (known) check(known.reading, least, calledMs);
          gets.push(
            loader.get(name, { signal }).then(
              (value) => check(value!.reading, least, calledMs),
              (error: unknown) => expect(['failed', 'given up']).toContain(error),
            ),
          );
        };
        const change = (name: string): void => void oldest.set(name, version.get(name)!);

        for (const one of steps) {
          switch (one.kind) {
            case 'get':
              get(one.key);
              break;
            case 'getAborted': {
              const caller = new AbortController();
              get(one.key, caller.signal);
              caller.abort('given up');
              break;
            }
            case 'getAll': {
              const least = new Map(oldest);
              const calledMs = clock.now();
              const many = loader.getMany(KEYS).then(
                (all) => {
                  for (const [name, value] of all) check(value.reading, least.get(name)!, calledMs);
                  expect(all.size).toBe(KEYS.length);
                },
                (error: unknown) => expect(error).toBe('failed'),
              );
              gets.push(many);
              break;
            }
            case 'write':
              version.set(one.key, version.get(one.key)! + 1);
              break;
            case 'invalidate':
              change(one.key);
              loader.invalidate(one.key);
              break;
            case 'clear':
              KEYS.forEach(change);
              loader.clear();
              break;
            case 'prime': {
              change(one.key);
              const reading = read(one.key);
              readings[reading]!.endedMs = clock.now();
              loader.prime(one.key, { reading });
              break;
            }
            case 'advance':
              await clock.advance(one.ms);
              break;
            case 'end': {
              const [load] = running.splice(one.which % Math.max(1, running.length), 1);
              if (one.isOk) load?.end.resolve();
              else load?.end.reject('failed');
              await clock.advance(0);
              break;
            }
            default: {
              const impossible: never = one;
              return impossible;
            }
          }
          expect(loader.snapshot().entries).toBeLessThanOrEqual(chosen.maxEntries);
          expect(running.length).toBeLessThanOrEqual(chosen.concurrency);
        }

        // Everything that was asked for ends.
        const isBusy = (): boolean => {
          const { pendingKeys, runningLoads } = loader.snapshot();
          return pendingKeys + runningLoads > 0;
        };
        while (isBusy()) {
          await clock.advance(10);
          for (const { end } of running.splice(0)) end.resolve();
        }
        await Promise.all(gets);
        await loader.close();
        expect(clock.pending()).toBe(0);
      },
    ),
    { seed: testSeed(), numRuns: 1000, endOnFailure: true },
  );
});
