import { PRIORITY_COUNT, type PauseTarget, type StoreStats } from '../store.ts';

/** What a queue holds, from what its shards hold. */
export function sumStats(all: readonly StoreStats[]): StoreStats {
  const sum = (of: (stats: StoreStats) => number): number =>
    all.reduce((total, stats) => total + of(stats), 0);
  const ages = all.flatMap(({ oldestReadyMs }) => oldestReadyMs ?? []);
  return {
    ready: sum(({ ready }) => ready),
    readyByPriority: Array.from({ length: PRIORITY_COUNT }, (_, priority) =>
      sum(({ readyByPriority }) => readyByPriority[priority] ?? 0),
    ),
    delayed: sum(({ delayed }) => delayed),
    leased: sum(({ leased }) => leased),
    waiting: sum(({ waiting }) => waiting),
    count: sum(({ count }) => count),
    bytes: sum(({ bytes }) => bytes),
    oldestReadyMs: ages.length === 0 ? undefined : Math.max(...ages),
    dead: sum(({ dead }) => dead),
    deadBytes: sum(({ deadBytes }) => deadBytes),
    dropped: {
      evicted: sum(({ dropped }) => dropped.evicted),
      deadOverflow: sum(({ dropped }) => dropped.deadOverflow),
      deadExpired: sum(({ dropped }) => dropped.deadExpired),
    },
    paused: unite(all.flatMap(({ paused }) => paused)),
  };
}

/** The queue and its priorities are paused in each shard. */
function unite(targets: readonly PauseTarget[]): PauseTarget[] {
  return [...new Map(targets.map((target) => [JSON.stringify(target), target])).values()];
}
