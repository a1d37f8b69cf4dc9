import fc from 'fast-check';
import { expect, test } from 'vitest';
import { applyOp } from '../../src/outbox/apply-op.ts';
import { coalesce } from '../../src/outbox/coalesce.ts';
import type { Change, Doc, Op } from '../../src/outbox/op.ts';

const fields = fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor');
const docs = fc
  .array(fc.tuple(fields, fc.integer({ min: 0, max: 3 })), { maxLength: 4 })
  .map((entries): Doc => Object.fromEntries(entries));
const changes: fc.Arbitrary<Change> = fc.oneof(
  docs.map((doc): Change => ({ kind: 'insert', doc })),
  docs.map((doc): Change => ({ kind: 'replace', doc })),
  fc
    .tuple(docs, fc.array(fields, { maxLength: 3 }))
    .map(([set, unset]): Change => ({ kind: 'patch', set, unset })),
  fc.constant<Change>({ kind: 'delete' }),
  fc.constant<Change>({ kind: 'call', name: 'touch' }),
);

function toOps(list: readonly Change[]): Op[] {
  return list.map((change, index) => ({
    ...change,
    entity: 'note',
    id: '1',
    at: String(index),
    base: { version: `v${index}` },
  }));
}

/** A history as it can happen: an insert meets no document. */
function valid(start: Doc | undefined, list: readonly Change[]): Change[] {
  let doc = start;
  return list.filter((change) => {
    if (change.kind === 'insert' && doc !== undefined) return false;
    doc = applyOp(doc, change);
    return true;
  });
}

/** As an outbox does it: each edit joins the last one, where it may. */
function coalesceAll(ops: readonly Op[]): Op[] {
  const kept: Op[] = [];
  for (const op of ops) {
    const last = kept.at(-1);
    const joined = last === undefined ? undefined : coalesce(last, op);
    if (joined === undefined || joined.gives === 'both') kept.push(op);
    else {
      kept.pop();
      if (joined.gives === 'op') kept.push(joined.op);
    }
  }
  return kept;
}

const end = (start: Doc | undefined, ops: readonly Change[]): Doc | undefined =>
  ops.reduce<Doc | undefined>((doc, op) => applyOp(doc, op), start);

test('coalesced edits do what the edits do', () => {
  fc.assert(
    fc.property(
      fc.option(docs, { nil: undefined }),
      fc.array(changes, { maxLength: 12 }),
      (start, list) => {
        const ops = toOps(valid(start, list));

        expect(end(start, coalesceAll(ops))).toEqual(end(start, ops));
      },
    ),
    { numRuns: 2000 },
  );
});

test('never makes two edits of one, and keeps the oldest base and the newest time', () => {
  fc.assert(
    fc.property(changes, changes, (first, second) => {
      const [a, b] = toOps([first, second]);
      const joined = coalesce(a!, b!);

      if (joined.gives === 'op') {
        expect(joined.op).toMatchObject({
          base: { version: 'v0' },
          at: '1',
          entity: 'note',
          id: '1',
        });
      }
    }),
  );
});

const patch = (set: Doc, unset: string[] = []): Change => ({ kind: 'patch', set, unset });
const insert: Change = { kind: 'insert', doc: { a: 1 } };

test.each<[string, Change, Change, unknown]>([
  ['insert + patch', insert, patch({ b: 2 }), { kind: 'insert', doc: { a: 1, b: 2 } }],
  ['insert + delete', insert, { kind: 'delete' }, 'nothing'],
  [
    'patch + patch',
    patch({ a: 1, b: 1 }),
    patch({ b: 2 }, ['a']),
    { kind: 'patch', set: { b: 2 }, unset: ['a'] },
  ],
  [
    'patch that unsets + patch that sets',
    patch({}, ['a']),
    patch({ a: 2 }),
    { kind: 'patch', set: { a: 2 }, unset: [] },
  ],
  ['patch + delete', patch({ a: 1 }), { kind: 'delete' }, { kind: 'delete' }],
  ['delete + insert', { kind: 'delete' }, insert, { kind: 'replace', doc: { a: 1 } }],
  ['replace + delete', { kind: 'replace', doc: {} }, { kind: 'delete' }, { kind: 'delete' }],
  ['call + call', { kind: 'call', name: 'x' }, { kind: 'call', name: 'x' }, 'both'],
  ['patch + call', patch({ a: 1 }), { kind: 'call', name: 'x' }, 'both'],
  ['call + patch', { kind: 'call', name: 'x' }, patch({ a: 1 }), 'both'],
])('%s', (_name, first, second, expected) => {
  const [a, b] = toOps([first, second]);
  const joined = coalesce(a!, b!);

  if (typeof expected === 'string') expect(joined.gives).toBe(expected);
  else expect(joined).toMatchObject({ gives: 'op', op: expected });
});
