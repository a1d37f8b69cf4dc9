import { PRIORITY_COUNT, type PauseTarget, type Priority, type StoreStats } from '../store.ts';
import type { ItemRow, QueueRow } from './rows.ts';
import type { Statements } from './statements.ts';

interface StateCount {
  readonly state: string;
  readonly priority: number;
  readonly count: number;
}

const PRIORITIES = Array.from({ length: PRIORITY_COUNT }, (_, priority) => priority);

export function readStats(sql: Statements, queue: string, nowMs: number): StoreStats {
  const row = sql.queue.get([queue]) as QueueRow | undefined;
  const counts = sql.states.all([queue]) as StateCount[];
  const countOf = (state: string): number =>
    counts.reduce((sum, each) => sum + (each.state === state ? each.count : 0), 0);
  const readyByPriority = PRIORITIES.map(
    (priority) =>
      counts.find((each) => each.state === 'ready' && each.priority === priority)?.count ?? 0,
  );
  const readySinceMs = PRIORITIES.flatMap((priority) => {
    const head = sql.head.get([queue, priority]) as ItemRow | undefined;
    return head === undefined ? [] : [head.ready_ms];
  });
  const stopped = sql.stopped.all([queue]) as { readonly key: string }[];
  return {
    ready: countOf('ready'),
    readyByPriority,
    delayed: countOf('delayed'),
    leased: countOf('leased'),
    waiting: countOf('waiting'),
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
