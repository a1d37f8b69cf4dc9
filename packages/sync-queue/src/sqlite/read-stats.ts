import { PRIORITY_COUNT, type PauseTarget, type Priority, type StoreStats } from '../store.ts';
import type { ItemRow, QueueRow } from './rows.ts';
import type { Statements } from './statements.ts';

interface Count {
  readonly count: number;
}

interface ReadyCount extends Count {
  readonly priority: number;
}

const PRIORITIES = Array.from({ length: PRIORITY_COUNT }, (_, priority) => priority);

export function readStats(sql: Statements, queue: string, nowMs: number): StoreStats {
  const row = sql.queue.get([queue]) as QueueRow | undefined;
  const ready = sql.readyCounts.all([queue]) as ReadyCount[];
  const readyByPriority = PRIORITIES.map(
    (priority) => ready.find((each) => each.priority === priority)?.count ?? 0,
  );
  const timed = (state: 'delayed' | 'leased'): number =>
    (sql.timedCount.get([queue, state]) as Count).count;
  const readySinceMs = PRIORITIES.flatMap((priority) => {
    const head = sql.head.get([queue, priority]) as ItemRow | undefined;
    return head === undefined ? [] : [head.ready_ms];
  });
  const stopped = sql.stopped.all([queue]) as { readonly key: string }[];
  return {
    ready: readyByPriority.reduce((sum, count) => sum + count, 0),
    readyByPriority,
    delayed: timed('delayed'),
    leased: timed('leased'),
    waiting: (sql.waitingCount.get([queue]) as Count).count,
    count: row?.count ?? 0,
    bytes: row?.bytes ?? 0,
    oldestReadyMs: readySinceMs.length === 0 ? undefined : nowMs - Math.min(...readySinceMs),
    dead: row?.dead_count ?? 0,
    deadBytes: row?.dead_bytes ?? 0,
    dropped: {
      evicted: row?.evicted ?? 0,
      deadOverflow: row?.dead_overflow ?? 0,
      deadExpired: row?.dead_expired ?? 0,
    },
    paused: pausedTargets(
      row,
      stopped.map(({ key }) => key),
    ),
  };
}

function pausedTargets(row: QueueRow | undefined, stopped: readonly string[]): PauseTarget[] {
  const targets: PauseTarget[] = row?.is_paused === 1 ? [{ kind: 'queue' }] : [];
  for (const priority of row?.paused_priorities ?? '') {
    targets.push({ kind: 'priority', priority: Number(priority) as Priority });
  }
  for (const key of stopped) targets.push({ kind: 'key', key });
  return targets;
}
