import type { LaneRows } from './lane-rows.ts';
import type { ReadyRows } from './ready-rows.ts';
import type { ItemRow } from './rows.ts';
import type { Statements } from './statements.ts';

export interface LeasedRows {
  readonly items: readonly ItemRow[];
  /** True: more may be ready behind what was put back. */
  readonly isCutShort: boolean;
}

/** Of items whose keys are stopped a claim puts back so many, which bounds its time. */
const MOST_RETREATS = 100;

/** Leases the next items. What stands ready for a stopped key goes back to wait, and the next ones follow. */
export function leaseRows(
  sql: Statements,
  { ready, lanes }: { readonly ready: ReadyRows; readonly lanes: LaneRows },
  request: { readonly maxItems: number; readonly untilMs: number; readonly agingMs: number },
): LeasedRows {
  const { maxItems, untilMs, agingMs } = request;
  const items: ItemRow[] = [];
  let retreats = 0;
  const isDone = (): boolean => items.length >= maxItems || retreats >= MOST_RETREATS;
  let limit = maxItems;
  for (let hasMore = true; hasMore && !isDone(); limit = MOST_RETREATS) {
    hasMore = false;
    for (const { id, key } of ready.inOrder(agingMs, limit)) {
      if (key !== null && lanes.isStopped(key)) {
        lanes.retreat(key);
        sql.move.run([id, 'waiting', 0]);
        retreats += 1;
        hasMore = true;
      } else {
        items.push(sql.lease.get([id, untilMs]) as ItemRow);
      }
      if (isDone()) break;
    }
  }
  return { items, isCutShort: retreats >= MOST_RETREATS };
}
