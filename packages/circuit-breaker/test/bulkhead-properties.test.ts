import { createDeferred, type Deferred } from '@holdfast/internal';
import { createFakeClock, testSeed } from '@holdfast/testkit';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { bulkhead } from '../src/bulkhead/bulkhead.ts';

type Step =
  | { readonly kind: 'arrive' }
  | { readonly kind: 'settle'; readonly which: number; readonly isOk: boolean }
  | { readonly kind: 'abort'; readonly which: number }
  | { readonly kind: 'advance'; readonly ms: number }
  | { readonly kind: 'resize'; readonly limit: number }
  | { readonly kind: 'microtasks'; readonly count: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.constant({ kind: 'arrive' as const }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('settle' as const),
      which: fc.nat(20),
      isOk: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('abort' as const), which: fc.nat(20) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.nat(30) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('resize' as const),
      limit: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('microtasks' as const),
      count: fc.integer({ min: 1, max: 8 }),
    }),
  },
);

interface Call {
  readonly id: number;
  readonly controller: AbortController;
  readonly work: Deferred<number>;
  isRunning: boolean;
  outcome: 'ran' | 'aborted' | 'expired' | 'rejected' | undefined;
  hasStarted: boolean;
}

it('accounts for every accepted call, keeps to the limit and to the order, under any traffic', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 3 }),
      fc.nat(4),
      fc.option(fc.integer({ min: 1, max: 40 }), { nil: undefined }),
      fc.array(step, { maxLength: 60 }),
      async (limit, queue, queueWaitMs, steps) => {
        const clock = createFakeClock();
        const policy = bulkhead({ limit, queue, queueWaitMs, clock });
        const calls: Call[] = [];
        const promises: Promise<void>[] = [];
        const startOrder: number[] = [];
        let highestLimit = limit;
        const running = (): number => calls.filter((call) => call.isRunning).length;

        const arrive = (): void => {
          const call: Call = {
            id: calls.length,
            controller: new AbortController(),
            work: createDeferred(),
            isRunning: false,
            outcome: undefined,
            hasStarted: false,
          };
          calls.push(call);
          const result = policy.execute(
            () => {
              call.hasStarted = true;
              call.isRunning = true;
              startOrder.push(call.id);
              expect(running()).toBeLessThanOrEqual(highestLimit);
              // Ignores its signal: runs until the test says so.
              return call.work.promise.finally(() => (call.isRunning = false));
            },
            { signal: call.controller.signal },
          );
          promises.push(
            result.then(
              () => void (call.outcome = 'ran'),
              (error: unknown) => {
                if (error === 'aborted') call.outcome = 'aborted';
                else if ((error as Error).message === 'work failed') call.outcome = 'ran';
                else {
                  expect(error).toMatchObject({ code: 'BULKHEAD_FULL' });
                  expect(call.hasStarted).toBe(false);
                  call.outcome = 'rejected';
                }
              },
            ),
          );
        };

        for (const one of steps) {
          switch (one.kind) {
            case 'arrive':
              arrive();
              break;
            case 'settle': {
              const active = calls.filter((call) => call.isRunning);
              const call = active[one.which % Math.max(1, active.length)];
              if (one.isOk) call?.work.resolve(call.id);
              else call?.work.reject(new Error('work failed'));
              break;
            }
            case 'abort':
              calls[one.which % Math.max(1, calls.length)]?.controller.abort('aborted');
              break;
            case 'advance':
              await clock.advance(one.ms);
              break;
            case 'resize':
              highestLimit = Math.max(highestLimit, one.limit);
              policy.resize(one.limit);
              break;
            case 'microtasks':
              for (let turn = 0; turn < one.count; turn += 1) await Promise.resolve();
              break;
            default: {
              const impossible: never = one;
              return impossible;
            }
          }
          const { counters, gauges } = policy.snapshot();
          expect(counters.calls).toBe(
            counters.succeeded +
              counters.failed +
              counters.rejected +
              counters.expired +
              counters.aborted +
              gauges.inFlight +
              gauges.queued,
          );
          expect(gauges.held).toBeLessThanOrEqual(highestLimit);
          expect(gauges.queued).toBeLessThanOrEqual(queue);
        }

        // Everything that runs is settled until nothing is left.
        for (let round = 0; round <= calls.length; round += 1) {
          for (const call of calls) if (call.isRunning) call.work.resolve(call.id);
          await clock.advance(0);
        }
        await Promise.all(promises);
        const { counters, gauges } = policy.snapshot();
        const count = (outcome: Call['outcome']): number =>
          calls.filter((call) => call.outcome === outcome).length;

        expect(gauges).toMatchObject({ held: 0, inFlight: 0, queued: 0 });
        // Accepted = run + aborted + expired.
        expect(calls.length - counters.rejected).toBe(
          count('ran') + count('aborted') + counters.expired,
        );
        expect(count('rejected')).toBe(counters.rejected + counters.expired);
        expect(startOrder).toEqual([...startOrder].sort((one, other) => one - other));
        expect(clock.pending()).toBe(0);
      },
    ),
    { numRuns: 1_000, seed: testSeed() },
  );
});
