import type { Change, Doc } from './op.ts';

/**
 * What an edit makes of a document; undefined: there is none. A patch of nothing gives nothing, a call changes nothing
 * that the client could know.
 */
export function applyOp(doc: Doc | undefined, change: Change): Doc | undefined {
  switch (change.kind) {
    case 'insert':
    case 'replace':
      return change.doc;
    case 'patch':
      return doc === undefined ? undefined : patched(doc, change);
    case 'delete':
      return undefined;
    case 'call':
      return doc;
    default: {
      const impossible: never = change;
      return impossible;
    }
  }
}

/** Fields are defined, never assigned: one may be named `__proto__`. */
export function patched(
  doc: Doc,
  {
    set = {},
    unset = [],
  }: { readonly set?: Doc | undefined; readonly unset?: readonly string[] | undefined },
): Doc {
  const gone = new Set(unset);
  const kept = Object.entries(doc).filter(([field]) => !gone.has(field));
  return Object.fromEntries([...kept, ...Object.entries(set)]);
}
