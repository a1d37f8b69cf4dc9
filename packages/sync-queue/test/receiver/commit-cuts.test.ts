import { seededRandom } from '@holdfast/internal';
import { createReceiver, type ReceiptStore } from '@holdfast/sync-queue';
import { postgresReceiptStore, type PgTransaction } from '@holdfast/sync-queue/postgres';
import {
  createTestDatabase,
  isTorture,
  recordTorture,
  startFaultProxy,
  testSeed,
  type Direction,
  type FaultProxy,
  type TestDatabase,
} from '@holdfast/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { request, unit } from './store-contract.ts';

const CUTS = isTorture ? 1000 : 30;
const timeout = isTorture ? 300_000 : 60_000;
const SILENCE_MS = 2_000;
const MOST_TRIES = 10;
let database: TestDatabase;
let proxy: FaultProxy;

beforeAll(async () => {
  database = await createTestDatabase();
  await database.pool.query('CREATE TABLE effect (id text)');
  proxy = await startFaultProxy({ host: '127.0.0.1', port: Number(new URL(database.url).port) });
});
afterAll(async () => {
  await proxy.close();
  await database.close();
});

/** Where the connection is cut: the COMMIT does not reach the server, or its answer not the client, or half of either. */
const PLACES: readonly { readonly direction: Direction; readonly when: 'before' | 'after' }[] = [
  { direction: 'toServer', when: 'before' },
  { direction: 'toServer', when: 'after' },
  { direction: 'toClient', when: 'before' },
];

interface Cuts {
  readonly stream: string;
  readonly count: number;
  readonly change?: (store: ReceiptStore<PgTransaction>) => ReceiptStore<PgTransaction>;
}

/** Sends each request through a connection that is cut at its COMMIT, and again until there is a verdict. */
async function cutCommits({ stream, count, change = (store) => store }: Cuts) {
  await database.pool.query('TRUNCATE effect');
  const random = seededRandom(testSeed());
  // A cut may also be lost on its way: neither side then hears of the other again.
  const pool = database.createPool({
    connectionString: proxy.urlFor(database.url),
    max: 1,
    connectionTimeoutMillis: SILENCE_MS,
    query_timeout: SILENCE_MS,
    options: `-c idle_in_transaction_session_timeout=${SILENCE_MS}`,
  });
  const store = postgresReceiptStore({ pool });
  await postgresReceiptStore({ pool: database.pool }).createSchema();
  const receiver = createReceiver({
    store: change(store),
    apply: async (op, { tx }) => {
      await tx.query('INSERT INTO effect VALUES ($1)', [op.id]);
      return { status: 'applied' };
    },
  });
  let unanswered = 0;
  let applied = 0;
  for (let seq = 1; seq <= count; seq += 1) {
    const { direction, when } = PLACES[Math.floor(random() * PLACES.length)]!;
    const cut = proxy.set(pool.totalCount === 0 ? 'next' : 'open', {
      ...{ kind: 'cut', direction, rule: { pattern: 'COMMIT\0', when } },
    });
    const sent = request([unit(seq)], { streamId: stream });
    for (let isAnswered = false, tries = 1; !isAnswered; tries += 1) {
      try {
        const { verdicts } = await receiver.receive(sent);
        applied += verdicts.filter(({ status }) => status === 'applied').length;
        isAnswered = true;
      } catch (error) {
        if (tries >= MOST_TRIES) throw error;
        unanswered += 1;
        cut.lift();
      }
    }
  }
  await receiver.close();
  const { rows } = await database.pool.query<{ id: string; n: number }>(
    'SELECT id, count(*)::int4 AS n FROM effect GROUP BY id',
  );
  return {
    ...{ unanswered, applied, lost: count - rows.length },
    doubled: rows.filter(({ n }) => n > 1).length,
  };
}

test(
  `of ${CUTS} requests whose COMMIT is cut each has its effect exactly once`,
  { timeout },
  async () => {
    const startedMs = performance.now();
    const result = await cutCommits({ stream: 'cut', count: CUTS });

    const seconds = Math.round((performance.now() - startedMs) / 1000);
    const name = 'sync-queue-commit-cuts';
    recordTorture({ name, size: CUTS, seed: testSeed(), result, seconds });
    expect(result).toMatchObject({ applied: CUTS, lost: 0, doubled: 0 });
    expect(result.unanswered).toBeGreaterThanOrEqual(CUTS);
  },
);

test(
  'negative control: without receipts those whose answer was cut have two',
  { timeout },
  async () => {
    const result = await cutCommits({
      ...{ stream: 'forgetful', count: 20 },
      change: (store) => ({
        ...store,
        transact: (name, work) =>
          store.transact(name, (session) =>
            work({ ...session, find: async () => new Map(), save: async () => undefined }),
          ),
      }),
    });

    expect(result.doubled).toBeGreaterThan(0);
  },
);
