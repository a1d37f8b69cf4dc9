import type { DownstreamBreaker } from './downstream-breaker.ts';
import type { ResolvedZoneSchedulerOptions } from './options.ts';
import type { RecentLatencies } from './recent-latencies.ts';
import type { SeenZones } from './seen-zones.ts';
import type { ZoneHealth } from './zone-health.ts';

/** What a cycle needs from the scheduler, and from the cycles before. */
export interface CycleSetup<D> {
  readonly options: ResolvedZoneSchedulerOptions<D>;
  readonly number: number;
  /** When the cycle must be over; Infinity: when all is done. */
  readonly endMs: number;
  readonly lagMs: number;
  readonly missedTicks: number;
  /** Ids that go first in this cycle. */
  readonly deferredBefore: ReadonlySet<string>;
  /** All ids that the cycle before had deferred: due in this one, whatever `every` says. */
  readonly overdue: ReadonlySet<string>;
  /** Weight of the healthy zones of the cycle before: what to plan with until the source has been read. */
  readonly expectedWeight: number;
  /** What zones took in the cycles before. A cycle adds its own. */
  readonly latencies: RecentLatencies;
  /** Zones of any cycle whose handlers still run though they were aborted. A cycle adds and removes its own. */
  readonly zombies: Set<string>;
  readonly seen: SeenZones;
  readonly health: ZoneHealth;
  readonly breaker: DownstreamBreaker | undefined;
  readonly onZombie: (zoneId: string, runningMs: number) => void;
  readonly onZombieSettled: () => void;
  readonly onDownstream: (isDown: boolean) => void;
}
