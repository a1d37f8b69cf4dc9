import { isHoldfastError, seededRandom } from '@holdfast/internal';
import {
  createTestDatabase,
  isTorture,
  recordTorture,
  startFaultProxy,
  testSeed,
  type TestDatabase,
} from '@holdfast/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLocks, TransactionLostError, type Locks } from '../../src/index.ts';

const SIZE = isTorture ? 1_000 : 60;
const WORKERS = 4;

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  await database.pool.query('create table entries (id int primary key)');
});
afterAll(() => database.close());

type Verdict = 'committed' | 'rolled back' | 'unknown';

/** Commits whose connection is cut at the COMMIT, before it has reached the server or before its answer is back. */
async function cutCommits(
  run: (locks: Locks, id: number, cut: () => void) => Promise<unknown>,
  size: number,
) {
  const { hostname: host, port } = new URL(database.url);
  const random = seededRandom(testSeed());
  const verdicts = new Map<number, Verdict>();
  let next = 0;
  const work = async (): Promise<void> => {
    // One connection at a time behind each proxy: the fault is that connection's.
    await using proxy = await startFaultProxy({ host, port: Number(port) });
    const pool = database.createPool({ connectionString: proxy.urlFor(database.url), max: 1 });
    const locks = createLocks({ db: pool, namespace: 'cuts' });
    while (next < size) {
      const id = ++next;
      const direction = random() < 0.5 ? 'toServer' : 'toClient';
      const rule = { pattern: 'COMMIT', when: 'before' } as const;
      const cut = (): void => void proxy.set('open', { kind: 'cut', rule, direction });
      verdicts.set(id, await run(locks, id, cut).then(() => 'committed', verdictOf));
    }
    await pool.end();
  };
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: WORKERS }, work));
  const seconds = Math.round((performance.now() - startedMs) / 1_000);
  const { rows } = await database.pool.query<{ id: number }>('select id from entries');
  const stored = new Set(rows.map(({ id }) => id));
  const count = (verdict: Verdict, isStored: boolean): number =>
    [...verdicts].filter(([id, seen]) => seen === verdict && stored.has(id) === isStored).length;
  return {
    seconds,
    result: {
      committed: count('committed', true),
      rolledBack: count('rolled back', false),
      wrong: count('committed', false) + count('rolled back', true),
      unknown: count('unknown', true) + count('unknown', false),
    },
  };
}

function verdictOf(error: unknown): Verdict {
  if (isHoldfastError(error, 'AMBIGUOUS_COMMIT')) return 'unknown';
  if (isHoldfastError(error, 'TRANSACTION_LOST') || isHoldfastError(error, 'LOCK_LOST')) {
    return 'rolled back';
  }
  throw error;
}

const insert = 'insert into entries values ($1)';

it.each([
  [
    'a transaction',
    (locks: Locks, id: number, cut: () => void) =>
      locks.runTransaction(async (tx) => {
        await tx.query(insert, [id]);
        cut();
      }),
  ],
  [
    'an advisory lock',
    (locks: Locks, id: number, cut: () => void) =>
      locks.withAdvisoryLock(
        ['entry', id],
        async (tx) => {
          await tx.query(insert, [id]);
          cut();
        },
        { ambiguous: 'resolve' },
      ),
  ],
])(
  `finds out what became of each of ${SIZE} commits whose answer was lost: %s`,
  { timeout: isTorture ? 600_000 : 60_000 },
  async (what, run) => {
    await database.pool.query('truncate entries');
    const { result, seconds } = await cutCommits(run, SIZE);

    recordTorture({
      name: `locks-commit-cuts: ${what}`,
      size: SIZE,
      seed: testSeed(),
      result,
      seconds,
    });
    expect(result).toMatchObject({ wrong: 0, unknown: 0 });
    // Both kinds of cut have been met.
    expect(Math.min(result.committed, result.rolledBack)).toBeGreaterThan(SIZE / 4);
  },
);

it('is wrong about many of them when a lost answer is taken for a failure (negative control)', async () => {
  await database.pool.query('truncate entries');
  const run = (locks: Locks, id: number, cut: () => void) =>
    locks
      .runTransaction(
        async (tx) => {
          await tx.query(insert, [id]);
          cut();
        },
        { ambiguous: 'throw' },
      )
      // As a caller does who takes every rejection for a rollback.
      .catch((error: unknown) => {
        throw new TransactionLostError(error);
      });

  const { result } = await cutCommits(run, 40);

  expect(result.wrong).toBeGreaterThan(0);
});
