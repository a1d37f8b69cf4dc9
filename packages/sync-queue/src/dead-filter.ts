import { requireNumber, requireOptionGroup } from '@holdfast/internal';
import type { DeadFilter } from './dead-letter.ts';
import { requireIds } from './require-ids.ts';
import { requireStorableText } from './require-storable-text.ts';
import { requirePriority } from './resolve-overflow.ts';
import type { StoredDead } from './store.ts';

export interface ResolvedDeadFilter extends Omit<DeadFilter, 'ids'> {
  readonly ids: ReadonlySet<string> | undefined;
}

/** @throws {TypeError | RangeError} naming the option, the rule and the value. */
export function resolveDeadFilter(filter: DeadFilter = {}): ResolvedDeadFilter {
  requireOptionGroup('filter', filter, {
    ...{ ids: true, key: true, priority: true, reason: true },
    ...{ diedBeforeMs: true, diedAfterMs: true },
  });
  // Of a variable that nobody has set, a purge would delete all.
  const [unset] = Object.entries(filter).find(([, value]) => value === undefined) ?? [];
  if (unset !== undefined) {
    throw new TypeError(`filter.${unset} is undefined and would let all through: leave it out`);
  }
  const { ids, key, priority, reason, diedBeforeMs, diedAfterMs } = filter;
  if (key !== undefined) requireStorableText('filter.key', key);
  if (reason !== undefined) requireStorableText('filter.reason', reason);
  if (priority !== undefined) requirePriority('filter.priority', priority);
  if (diedBeforeMs !== undefined) requireNumber('filter.diedBeforeMs', diedBeforeMs);
  if (diedAfterMs !== undefined) requireNumber('filter.diedAfterMs', diedAfterMs);
  return { ...filter, ids: ids === undefined ? undefined : new Set(requireIds('filter.ids', ids)) };
}

export function matchesFilter(letter: StoredDead, filter: ResolvedDeadFilter): boolean {
  const { ids, key, priority, reason, diedBeforeMs = Infinity, diedAfterMs = -Infinity } = filter;
  return (
    (ids === undefined || ids.has(letter.id)) &&
    (key === undefined || letter.key === key) &&
    (priority === undefined || letter.priority === priority) &&
    (reason === undefined || letter.reason.includes(reason)) &&
    letter.diedAtMs < diedBeforeMs &&
    letter.diedAtMs > diedAfterMs
  );
}
