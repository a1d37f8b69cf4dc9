import fc from 'fast-check';
import { sleep } from '@holdfast/internal';
import { createFakeClock, testSeed, type FakeClock } from '@holdfast/testkit';
import { expect, it } from 'vitest';
import { fixed } from '../src/controllers/fixed.ts';
import { createZoneScheduler } from '../src/create-zone-scheduler.ts';
import type { CycleReport } from '../src/cycle-report.ts';
import { allZones } from '../src/shards/all-zones.ts';
import type { ShardHost, ShardOwnership, Shards } from '../src/shards.ts';
import type { Zone, ZoneContext } from '../src/zone.ts';

const CYCLE_MS = 100;
const TIMEOUT_MS = 30;

type Behaviour =
  | { readonly kind: 'ok' | 'reject' | 'stubborn'; readonly ms: number }
  | { readonly kind: 'throw' | 'hang' | 'obey' };

const behaviour: fc.Arbitrary<Behaviour> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('ok' as const, 'ok' as const, 'reject' as const, 'stubborn' as const),
    ms: fc.nat(60),
  }),
  fc.record({ kind: fc.constantFrom('throw' as const, 'hang' as const, 'obey' as const) }),
);

const script = fc.record({
  zones: fc.array(fc.record({ id: fc.integer({ min: 1, max: 12 }), behaviour }), { maxLength: 20 }),
  limit: fc.integer({ min: 1, max: 4 }),
  maxZombies: fc.nat(4),
  source: fc.constantFrom('array', 'async', 'throws', 'hangs'),
  sourceBreaksAt: fc.nat(20),
  overrun: fc.constantFrom('defer' as const, 'defer' as const, 'skip' as const),
  steps: fc.array(
    fc.constantFrom('wait', 'wait', 'wait', 'pause', 'resume', 'byHand', 'lose', 'gain'),
    { minLength: 3, maxLength: 12 },
  ),
});

/** Two shards by the last digit of the id, of which an even one can be taken away. */
function createTakeableShards() {
  const even: ShardOwnership = { shard: 0, fence: undefined };
  const odd: ShardOwnership = { shard: 1, fence: undefined };
  let host: ShardHost | undefined;
  let isEvenOurs = true;
  const shards: Shards = {
    ...allZones(),
    start(starting) {
      host = starting;
      return Promise.resolve();
    },
    ownershipOf: (zoneId) =>
      Number(zoneId.slice(1)) % 2 === 1 ? odd : isEvenOurs ? even : undefined,
    isHeld: (ownership) => ownership === odd || isEvenOurs,
  };
  return {
    ...shards,
    lose() {
      isEvenOurs = false;
      host?.abandon([0], new Error('lost'));
    },
    gain() {
      isEvenOurs = true;
    },
  };
}

async function behave(how: Behaviour, clock: FakeClock, context: ZoneContext): Promise<void> {
  switch (how.kind) {
    case 'ok':
      return sleep(how.ms, { clock, signal: context.signal });
    case 'stubborn':
      return sleep(how.ms, { clock });
    case 'reject':
      await sleep(how.ms, { clock });
      throw new Error('no');
    case 'obey':
      return sleep(1e6, { clock, signal: context.signal });
    case 'hang':
      return new Promise(() => undefined);
    default:
      throw new Error('handled by the caller');
  }
}

it('puts every planned zone into exactly one count, within the limits, whatever happens', async () => {
  let reportsSeen = 0;
  const seenOutcomes = new Set<string>();

  await fc.assert(
    fc.asyncProperty(script, async (drawn) => {
      const clock = createFakeClock();
      const suspectSlots = Math.ceil(drawn.limit / 4);
      const live = new Map<string, AbortSignal>();
      const reports: CycleReport[] = [];
      // What a handler throws would only be one more failed zone.
      const violations: string[] = [];
      const demand = (isMet: boolean, rule: string): void => {
        if (!isMet) violations.push(rule);
      };
      const list = drawn.zones.map((zone): Zone<Behaviour> => ({
        id: `z${zone.id}`,
        data: zone.behaviour,
      }));
      async function* lazily(): AsyncGenerator<Zone<Behaviour>> {
        for (const [index, zone] of list.entries()) {
          if (index === drawn.sourceBreaksAt && drawn.source === 'throws')
            throw new Error('broken');
          if (index === drawn.sourceBreaksAt && drawn.source === 'hangs')
            await behave({ kind: 'hang' }, clock, undefined as never);
          yield await Promise.resolve(zone);
        }
      }
      const shards = createTakeableShards();
      const scheduler = createZoneScheduler<Behaviour>({
        shards,
        overrun: drawn.overrun,
        quarantine: { failures: 1, baseCycles: 1, maxFraction: 1 },
        zones: () => (drawn.source === 'array' ? list : lazily()),
        controller: fixed(drawn.limit),
        maxZombies: drawn.maxZombies,
        cycleMs: CYCLE_MS,
        timeoutMs: TIMEOUT_MS,
        clock,
        handler: (zone, context) => {
          demand(!live.has(zone.id), 'a zone runs twice');
          demand(shards.ownershipOf(zone.id) !== undefined, 'a zone runs that is not ours');
          if (zone.data?.kind === 'throw') throw new Error('at once');
          live.set(zone.id, context.signal);
          const inFlight = [...live.values()].filter((signal) => !signal.aborted).length;
          demand(inFlight <= drawn.limit + suspectSlots, 'more zones in work than limit');
          demand(
            live.size <= drawn.limit + suspectSlots + drawn.maxZombies,
            'more handlers than allowed',
          );
          return behave(zone.data!, clock, context).finally(() => live.delete(zone.id));
        },
      });
      scheduler.on('cycle', (report) => reports.push(report));

      await scheduler.start();
      for (const step of drawn.steps) {
        if (step === 'pause') scheduler.pause();
        else if (step === 'resume') scheduler.resume();
        else if (step === 'lose') shards.lose();
        else if (step === 'gain') shards.gain();
        else if (step === 'byHand') scheduler.runCycle().catch(() => undefined);
        await clock.advance(step === 'wait' ? 70 : 13);
      }
      const closing = scheduler.close();
      await clock.advance(1_000);
      await closing;

      expect(violations).toEqual([]);
      const isPunctual = drawn.source !== 'hangs' && !drawn.steps.includes('byHand');
      for (const { zones, durationMs, lagMs, failures, failuresTruncated } of reports) {
        const { planned, ...parts } = zones;
        expect(planned).toBe(Object.values(parts).reduce((sum, part) => sum + part, 0));
        expect(failures.length + failuresTruncated).toBe(zones.failed + zones.timedOut);
        if (isPunctual) expect(durationMs + lagMs).toBeLessThanOrEqual(CYCLE_MS);
        for (const [outcome, count] of Object.entries(parts))
          if (count > 0) seenOutcomes.add(outcome);
      }
      reportsSeen += reports.length;
      const { counters } = scheduler.snapshot();
      expect(counters.planned).toBe(reports.reduce((sum, report) => sum + report.zones.planned, 0));
      expect(scheduler.snapshot().gauges.zombies).toBe(live.size);
    }),
    { numRuns: 500, seed: testSeed() },
  );

  expect(reportsSeen).toBeGreaterThan(300);
  // The scripts are worth something only if they reach every outcome.
  expect([...seenOutcomes].sort()).toEqual([
    'deferred',
    'duplicates',
    'failed',
    'fenced',
    'ok',
    'quarantined',
    'skipped',
    'stuck',
    'timedOut',
  ]);
}, 60_000);
