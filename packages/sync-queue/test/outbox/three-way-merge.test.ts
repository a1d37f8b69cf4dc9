import {
  resolvers,
  type Conflict,
  type Doc,
  type FieldStrategy,
  type Resolution,
} from '@holdfast/sync-queue';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { applyOp } from '../../src/outbox/apply-op.ts';

const EARLY = '000000000001-0000-a';
const LATE = '000000000002-0000-b';

interface Sides {
  readonly base?: Doc | undefined;
  readonly set: Doc;
  readonly unset?: readonly string[];
  readonly theirs: Doc | null;
  readonly at?: string;
  readonly theirsAt?: string | undefined;
}

function conflictOf({ base, set, unset = [], theirs, at = EARLY, theirsAt }: Sides): Conflict {
  const ours = {
    kind: 'patch',
    set,
    unset,
    entity: 'n',
    id: '1',
    at,
    base: { doc: base },
  } as const;
  return { ours, theirs, version: 'v', theirsAt, round: 1 };
}

/** The document after the resolution; a text: why there is none. */
async function merge(
  sides: Sides,
  strategies: Readonly<Record<string, FieldStrategy>> = {},
  otherwise: 'server' | 'client' | 'lww' | 'quarantine' = 'quarantine',
): Promise<Doc | string> {
  const resolver = resolvers.merge(strategies, { otherwise });
  const resolution: Resolution = await resolver(conflictOf(sides));
  if (resolution.use === 'quarantine') return resolution.reason;
  if (resolution.use === 'merged') return applyOp(sides.theirs ?? {}, resolution.change) ?? {};
  return resolution.use === 'server' ? (sides.theirs ?? 'gone') : 'client';
}

const values = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constant(undefined));
const docs = fc
  .record({ a: values, b: values, c: values })
  .map((doc): Doc =>
    Object.fromEntries(Object.entries(doc).filter(([, value]) => value !== undefined)),
  );

/** The patch that makes `to` out of `from`. */
function diff(from: Doc, to: Doc): { set: Doc; unset: string[] } {
  const set = Object.fromEntries(
    Object.entries(to).filter(([field, value]) => from[field] !== value),
  );
  return { set, unset: Object.keys(from).filter((field) => !(field in to)) };
}

test.each(['server', 'client', 'lww'] as const)(
  'takes each field from the side that has changed it, and decides only where both have: %s',
  async (otherwise) => {
    await fc.assert(
      fc.asyncProperty(docs, docs, docs, async (base, ours, theirs) => {
        const merged = await merge(
          { base, ...diff(base, ours), theirs, theirsAt: LATE },
          {},
          otherwise,
        );

        for (const field of ['a', 'b', 'c']) {
          const [b, o, t] = [base[field], ours[field], theirs[field]];
          const both = otherwise === 'client' ? o : t;
          const expected = o === b ? t : t === b ? o : both;
          expect((merged as Doc)[field]).toEqual(expected);
        }
      }),
      { numRuns: 500 },
    );
  },
);

test('adds up what both sides have added, however many rounds it takes', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: -5, max: 5 }),
      fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 1, maxLength: 5 }),
      async (mine, theirs) => {
        let server = 10;
        let change = { base: { n: 10 }, set: { n: 10 + mine } };
        for (const more of theirs) {
          server += more;
          const merged = await merge({ ...change, theirs: { n: server } }, { n: 'sum' });
          expect(merged).toEqual({ n: server + mine });
          change = { base: { n: server }, set: { n: server + mine } };
        }
      },
    ),
  );
});

test('joins arrays: what either side has added is there, what either has removed is not', async () => {
  const elements = fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(elements, elements, elements, async (base, ours, theirs) => {
      const sides = { base: { l: base }, set: { l: ours }, theirs: { l: theirs } };
      const merged = ((await merge(sides, { l: 'union' })) as { l: number[] }).l;

      for (const element of [0, 1, 2, 3, 4, 5, 6]) {
        const [b, o, t] = [base, ours, theirs].map((list) => list.includes(element));
        expect(merged.includes(element)).toBe(
          b === true ? o === true && t === true : o === true || t === true,
        );
      }
    }),
  );
});

test.each<[string, Sides, Record<string, FieldStrategy>, Doc | string]>([
  ['max', { base: { n: 1 }, set: { n: 5 }, theirs: { n: 3 } }, { n: 'max' }, { n: 5 }],
  ['min', { base: { n: 1 }, set: { n: 5 }, theirs: { n: 3 } }, { n: 'min' }, { n: 3 }],
  ['client', { base: { n: 1 }, set: { n: 5 }, theirs: { n: 3 } }, { n: 'client' }, { n: 5 }],
  ['server', { base: { n: 1 }, set: { n: 5 }, theirs: { n: 3 } }, { n: 'server' }, { n: 3 }],
  [
    'lww, ours is later',
    { base: {}, set: { n: 5 }, theirs: { n: 3 }, at: LATE, theirsAt: EARLY },
    { n: 'lww' },
    { n: 5 },
  ],
  [
    'lww, nobody knows theirs',
    { base: {}, set: { n: 5 }, theirs: { n: 3 } },
    { n: 'lww' },
    { n: 3 },
  ],
  [
    'a function',
    { base: { n: 1 }, set: { n: 5 }, theirs: { n: 3 } },
    { n: ({ ours, theirs }) => [ours, theirs] },
    { n: [5, 3] },
  ],
  [
    'a function that removes',
    { base: { n: 1 }, set: { n: 5 }, theirs: { n: 3 } },
    { n: () => undefined },
    {},
  ],
  [
    'no strategy',
    { base: { n: 1, m: 1 }, set: { n: 5, m: 2 }, theirs: { n: 3, m: 1 } },
    {},
    'both sides have changed n',
  ],
  [
    'sum of what is no number',
    { base: { n: 'x' }, set: { n: 5 }, theirs: { n: 3 } },
    { n: 'sum' },
    'both sides have changed n',
  ],
  [
    'sum without a base',
    { set: { n: 5 }, theirs: { n: 3 } },
    { n: 'sum' },
    'both sides have changed n',
  ],
  [
    'a deleted document',
    { base: { n: 1 }, set: { n: 5 }, theirs: null },
    {},
    'one side has deleted what the other has changed',
  ],
])('%s', async (_name, sides, strategies, expected) => {
  expect(await merge(sides, strategies)).toEqual(expected);
});

test('serverWins, clientWins and lww decide as a whole', async () => {
  const sides = { base: { n: 1 }, set: { n: 5 }, theirs: { n: 3 }, at: LATE };

  expect(await resolvers.serverWins(conflictOf(sides))).toEqual({ use: 'server' });
  expect(await resolvers.clientWins(conflictOf(sides))).toEqual({ use: 'client' });
  expect(await resolvers.lww(conflictOf({ ...sides, theirsAt: EARLY }))).toEqual({ use: 'client' });
  expect(await resolvers.lww(conflictOf(sides))).toEqual({ use: 'server' });
});

test('refuses a strategy and an option that it does not know', () => {
  expect(() => resolvers.merge({ n: 'newest' as 'lww' })).toThrow('strategies.n must be one of');
  expect(() => resolvers.merge({}, { other: 'server' } as never)).toThrow(
    'other is not an option of merge',
  );
});
