import type { EncodedRow } from './encode-row.ts';

/** Rows of one key; the first is sent, the others lose against it, unless the database refuses it. */
export type Candidates = readonly [EncodedRow, ...EncodedRow[]];

/**
 * Divides rows by key and orders the keys, so that every process locks rows in the same order and none waits for
 * another in a circle. Within a key the first written goes first, with `latest` the newest (the first of equals).
 */
export function planBatch(rows: readonly EncodedRow[], wins: 'first' | 'latest'): Candidates[] {
  const byKey = new Map<string, [EncodedRow, ...EncodedRow[]]>();
  for (const row of rows) {
    const same = byKey.get(row.keyText);
    if (same === undefined) byKey.set(row.keyText, [row]);
    else same.push(row);
  }
  const groups = [...byKey.values()];
  if (wins === 'latest') {
    for (const group of groups)
      group.sort((a, b) => (a.order === b.order ? 0 : a.order > b.order ? -1 : 1));
  }
  return groups.sort(([a], [b]) => (a.keyText < b.keyText ? -1 : 1));
}

/** What is left to send for a key when the database has refused its first candidate. */
export function withoutFirst([, next, ...rest]: Candidates): Candidates | undefined {
  return next === undefined ? undefined : [next, ...rest];
}
