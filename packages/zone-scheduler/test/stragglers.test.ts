import { sleep } from '@holdfast/internal';
import { createFakeClock } from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import { fixed } from '../src/controllers/fixed.ts';
import { createZoneScheduler } from '../src/create-zone-scheduler.ts';
import type { CycleReport } from '../src/cycle-report.ts';
import type { ZoneSchedulerOptions } from '../src/options.ts';
import { zonesOf } from './set-up.ts';

const ZONES = Array.from({ length: 400 }, (_, n) => `z${n}`);

const HANGS = 60_000;

/** Runs cycles of 400 zones with 4 slots. */
async function runCycles(
  cycles: number,
  takesMs: (id: string) => number,
  options: Partial<ZoneSchedulerOptions> = {},
): Promise<{ readonly reports: CycleReport[]; readonly mostInFlight: number }> {
  const clock = createFakeClock();
  const reports: CycleReport[] = [];
  let inFlight = 0;
  let mostInFlight = 0;
  const scheduler = createZoneScheduler({
    zones: () => zonesOf(ZONES),
    handler: async ({ id }, { signal }) => {
      inFlight += 1;
      mostInFlight = Math.max(mostInFlight, inFlight);
      await sleep(takesMs(id), { clock, signal }).finally(() => (inFlight -= 1));
    },
    ...{ controller: fixed(4), suspects: { maxSlots: 8 }, quarantine: false, breaker: false },
    ...{ cycleMs: 4_000, timeoutMs: 3_000, clock, ...options },
  });
  scheduler.on('cycle', (report) => reports.push(report));
  await scheduler.start();
  await clock.advance(cycles * 4_000 + 100);
  const closing = scheduler.close({ timeoutMs: 0 });
  await clock.advance(0);
  await closing;
  return { reports: reports.slice(0, cycles), mostInFlight };
}

/** Nine of the first hundred: more than there are slots. */
const manyHang = (id: string): number =>
  Number(id.slice(1)) % 12 === 0 && id.length < 4 ? HANGS : 10;

describe('zones that hang while others pass them', () => {
  it('hold slots of the suspects, so that all others are run in the first cycle', async () => {
    const { reports, mostInFlight } = await runCycles(1, manyHang);

    expect(reports[0]).toMatchObject({ zones: { ok: 391, timedOut: 9, deferred: 0 } });
    expect(mostInFlight).toBeLessThanOrEqual(4 + 8);
  });

  it('hold those of the others without a lane of suspects (the negative control)', async () => {
    const { reports } = await runCycles(1, manyHang, { suspects: false });

    expect(reports[0]!.zones.deferred).toBeGreaterThan(0);
  });

  it('are suspects from then on, also when the cycle ends before their time', async () => {
    const { reports } = await runCycles(2, (id) => (id === 'z60' ? HANGS : 10), {
      timeoutMs: 4_000,
    });

    expect(reports[0]).toMatchObject({ zones: { ok: 399, timedOut: 1 } });
    expect(reports[1]!.concurrency.suspectSlots).toBe(1);
  });
});

it('hold what they have where all become slow, and none is passed', async () => {
  const { reports, mostInFlight } = await runCycles(1, (id) => (id.length < 4 ? 10 : 500));

  expect(reports[0]!.zones).toMatchObject({ timedOut: 0, failed: 0 });
  expect(mostInFlight).toBe(4);
});
