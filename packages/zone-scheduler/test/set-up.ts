import { createDeferred, type Deferred } from '@holdfast/internal';
import { createFakeClock, type FakeClock } from '@holdfast/testkit';
import { fixed } from '../src/controllers/fixed.ts';
import { createZoneScheduler } from '../src/create-zone-scheduler.ts';
import type { ZoneSchedulerOptions } from '../src/options.ts';
import type { CycleReport, DrainReport } from '../src/cycle-report.ts';
import type { ZoneScheduler } from '../src/zone-scheduler.ts';
import type { Zone, ZoneContext } from '../src/zone.ts';

export interface World {
  readonly clock: FakeClock;
  readonly scheduler: ZoneScheduler;
  /** Reports of all cycles so far. */
  readonly reports: CycleReport[];
  /** Ids in the order of start, all cycles. */
  readonly started: string[];
  /** Settles the run of a zone that runs now; by default zones settle only so. */
  readonly finish: (id: string, error?: unknown) => void;
  readonly contextOf: (id: string) => ZoneContext;
  /** Closes without waiting for zones that still run. */
  readonly closeNow: () => Promise<DrainReport>;
}

/** A scheduler over a fake clock whose zones run until the test finishes them. */
export function setUp(
  ids: readonly string[],
  options: Partial<ZoneSchedulerOptions> = {},
  clock: FakeClock = createFakeClock({ startMs: 1_000 }),
): World {
  const runs = new Map<string, { work: Deferred<void>; context: ZoneContext }>();
  const reports: CycleReport[] = [];
  const started: string[] = [];
  const scheduler = createZoneScheduler({
    zones: () => zonesOf(ids),
    handler: (zone, context) => {
      const work = createDeferred<void>();
      started.push(zone.id);
      runs.set(zone.id, { work, context });
      return work.promise;
    },
    controller: fixed(2),
    cycleMs: 1_000,
    timeoutMs: 300,
    clock,
    ...options,
  });
  scheduler.on('cycle', (report) => reports.push(report));

  return {
    clock,
    scheduler,
    reports,
    started,
    finish(id, error) {
      const run = runs.get(id);
      if (run === undefined) throw new Error(`zone ${id} was not started`);
      if (error === undefined) run.work.resolve();
      else run.work.reject(error);
    },
    contextOf(id) {
      const run = runs.get(id);
      if (run === undefined) throw new Error(`zone ${id} was not started`);
      return run.context;
    },
    async closeNow() {
      const closed = scheduler.close({ timeoutMs: 0 });
      await clock.advance(0);
      return closed;
    },
  };
}

export function zonesOf(ids: readonly string[]): Zone[] {
  return ids.map((id) => ({ id }));
}

/** All counts of a report, with 0 where the test names nothing. */
export function counts(named: Partial<CycleReport['zones']>): CycleReport['zones'] {
  const zero = {
    planned: 0,
    ok: 0,
    failed: 0,
    timedOut: 0,
    fenced: 0,
    deferred: 0,
    skipped: 0,
    quarantined: 0,
    stuck: 0,
    duplicates: 0,
  };
  return { ...zero, ...named };
}

export const done = (): Promise<void> => Promise.resolve();
export const hang = (): Promise<void> => new Promise(() => undefined);
