import { applyOp } from './apply-op.ts';
import type { Conflict } from './conflict.ts';
import type { Change, Doc, Hlc, Op } from './op.ts';
import { isSameValue } from './same-value.ts';

/** One field that both sides have changed, to different values; undefined: it is not there. */
export interface FieldConflict {
  readonly field: string;
  readonly base: unknown;
  readonly ours: unknown;
  readonly theirs: unknown;
  readonly oursAt: Hlc;
  readonly theirsAt: Hlc | undefined;
}

/**
 * Which value a field gets that both sides have changed. `sum` adds our change to theirs, `union` adds and removes the
 * elements of an array that we have added and removed. `max`, `min` and `sum` are for numbers, `union` is for arrays: of
 * anything else the field is left to `otherwise`. A function returns the value; undefined removes the field.
 */
export type FieldStrategy =
  | 'server'
  | 'client'
  | 'lww'
  | 'max'
  | 'min'
  | 'sum'
  | 'union'
  | ((conflict: FieldConflict) => unknown);

export type Otherwise = 'server' | 'client' | 'lww' | 'quarantine';

export type Merged =
  | { readonly gives: 'change'; readonly change: Change }
  /** Theirs has all of ours already. */
  | { readonly gives: 'nothing' }
  /** These fields are in conflict and have no strategy. */
  | { readonly gives: 'undecided'; readonly fields: readonly string[] };

interface Choice {
  readonly strategies: Readonly<Record<string, FieldStrategy>>;
  readonly otherwise: Otherwise;
}

/**
 * Merges our edit into their document field by field: a field that only one side has changed is taken from that side,
 * one that both have changed alike is either's (but a sum of both), the rest is decided by its strategy. Without the document that the edit
 * was based on, every field that it touches counts as changed by both.
 */
export function mergeThreeWay(
  conflict: Conflict & { readonly theirs: Doc },
  { strategies, otherwise }: Choice,
): Merged {
  const { ours, theirs } = conflict;
  const base = ours.base?.doc;
  const wanted = applyOp(base ?? {}, ours) ?? {};
  const set: [string, unknown][] = [];
  const unset: string[] = [];
  const undecided: string[] = [];
  for (const field of touchedFields(ours, base)) {
    const values = {
      field,
      base: own(base, field),
      ours: own(wanted, field),
      theirs: own(theirs, field),
      oursAt: ours.at,
      theirsAt: conflict.theirsAt,
    };
    const strategy = Object.hasOwn(strategies, field) ? strategies[field] : undefined;
    const value = mergeField(values, base !== undefined, strategy ?? otherwise, otherwise);
    if (value === UNDECIDED) undecided.push(field);
    else if (isSameValue(value, values.theirs)) continue;
    else if (value === undefined) unset.push(field);
    else set.push([field, value]);
  }
  if (undecided.length > 0) return { gives: 'undecided', fields: undecided };
  if (set.length === 0 && unset.length === 0) return { gives: 'nothing' };
  return { gives: 'change', change: { kind: 'patch', set: Object.fromEntries(set), unset } };
}

const UNDECIDED = Symbol('undecided');

function mergeField(
  values: FieldConflict,
  hasBase: boolean,
  strategy: FieldStrategy | 'quarantine',
  otherwise: Otherwise,
): unknown {
  const { base, ours, theirs } = values;
  if (hasBase && isSameValue(ours, base)) return theirs;
  if (hasBase && isSameValue(theirs, base)) return ours;
  // Both may have added the same: a sum has both.
  const isSum = strategy === 'sum' && numeric(strategy, values, hasBase) !== undefined;
  if (!isSum && isSameValue(ours, theirs)) return theirs;
  if (typeof strategy === 'function') return strategy(values);
  switch (strategy) {
    case 'server':
      return theirs;
    case 'client':
      return ours;
    case 'lww':
      return values.theirsAt !== undefined && values.oursAt > values.theirsAt ? ours : theirs;
    case 'quarantine':
      return UNDECIDED;
    case 'max':
    case 'min':
    case 'sum':
    case 'union': {
      const merged = strategy === 'union' ? union(values) : numeric(strategy, values, hasBase);
      return merged ?? mergeField(values, hasBase, otherwise, otherwise);
    }
    default: {
      const impossible: never = strategy;
      return impossible;
    }
  }
}

function numeric(
  strategy: 'max' | 'min' | 'sum',
  { base, ours, theirs }: FieldConflict,
  hasBase: boolean,
): number | undefined {
  if (typeof ours !== 'number' || typeof theirs !== 'number') return undefined;
  if (strategy !== 'sum') return Math[strategy](ours, theirs);
  // Without the base nobody knows by how much we have changed it.
  if (!hasBase || (base !== undefined && typeof base !== 'number')) return undefined;
  return theirs + (ours - (base ?? 0));
}

function union(values: FieldConflict): readonly unknown[] | undefined {
  const [ours, theirs] = [listOf(values.ours), listOf(values.theirs)];
  if (ours === undefined || theirs === undefined) return undefined;
  const before = listOf(values.base) ?? [];
  const has = (list: readonly unknown[], value: unknown): boolean =>
    list.some((other) => isSameValue(other, value));
  const kept = theirs.filter((value) => has(ours, value) || !has(before, value));
  const added = ours.filter((value) => !has(before, value) && !has(kept, value));
  return [...kept, ...added];
}

function listOf(value: unknown): readonly unknown[] | undefined {
  return Array.isArray(value) ? (value as readonly unknown[]) : undefined;
}

function touchedFields(ours: Op, base: Doc | undefined): ReadonlySet<string> {
  if (ours.kind === 'patch') {
    return new Set([...Object.keys(ours.set ?? {}), ...(ours.unset ?? [])]);
  }
  const wanted = applyOp(base, ours) ?? {};
  return new Set([...Object.keys(base ?? {}), ...Object.keys(wanted)]);
}

function own(doc: Doc | undefined, field: string): unknown {
  return doc !== undefined && Object.hasOwn(doc, field) ? doc[field] : undefined;
}
