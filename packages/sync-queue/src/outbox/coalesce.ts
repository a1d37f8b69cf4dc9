import { patched } from './apply-op.ts';
import type { Change, Op } from './op.ts';

export type Coalesced =
  /** One op that does what both do. */
  | { readonly gives: 'op'; readonly op: Op }
  /** The second takes back all of the first. */
  | { readonly gives: 'nothing' }
  /** Both must be sent. */
  | { readonly gives: 'both' };

/**
 * The algebra of two edits of one document that were never sent, the second right after the first. What it gives keeps
 * the oldest base and the newest time. Of a history in which each insert meets no document it never changes the end.
 */
export function coalesce(first: Op, second: Op): Coalesced {
  const change = combine(first, second);
  if (change === 'nothing') return { gives: 'nothing' };
  if (change === undefined) return { gives: 'both' };
  const at = first.at > second.at ? first.at : second.at;
  const { entity, id, base } = first;
  return {
    gives: 'op',
    op: { ...change, entity, id, at, ...(base === undefined ? {} : { base }) },
  };
}

function combine(first: Change, second: Change): Change | 'nothing' | undefined {
  switch (first.kind) {
    case 'insert':
      if (second.kind === 'patch') return { kind: 'insert', doc: patched(first.doc, second) };
      return second.kind === 'delete' ? 'nothing' : undefined;
    case 'replace':
      if (second.kind === 'patch') return { kind: 'replace', doc: patched(first.doc, second) };
      return second.kind === 'delete' ? { kind: 'delete' } : undefined;
    case 'patch':
      if (second.kind === 'patch') return joinPatches(first, second);
      return second.kind === 'delete' ? { kind: 'delete' } : undefined;
    case 'delete':
      if (second.kind === 'insert') return { kind: 'replace', doc: second.doc };
      return second.kind === 'delete' ? { kind: 'delete' } : undefined;
    case 'call':
      return undefined;
    default: {
      const impossible: never = first;
      return impossible;
    }
  }
}

type Patch = Extract<Change, { kind: 'patch' }>;

/** The later one wins, field by field, whether it sets or unsets. */
function joinPatches(first: Patch, second: Patch): Patch {
  const later = second.set ?? {};
  const stillUnset = (first.unset ?? []).filter((field) => !Object.hasOwn(later, field));
  const unset = [...new Set([...stillUnset, ...(second.unset ?? [])])];
  const set = patched(first.set ?? {}, second);
  // What one patch both unsets and sets is set.
  return { kind: 'patch', set, unset: unset.filter((field) => !Object.hasOwn(set, field)) };
}
