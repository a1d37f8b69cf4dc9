import type { StoredQueue } from '@holdfast/sync-queue';
import { Pool } from 'pg';
import { median } from '../median.ts';
import { acknowledge, BATCH, fill, openQueue } from './open-queue.ts';

const [url, size] = process.argv.slice(2);
const isSmoke = size === 'smoke';
const GONE = isSmoke ? 4000 : 60_000;
const MEASURED = isSmoke ? 2000 : 10_000;
const ROUNDS = isSmoke ? 1 : 3;

type Take = (queue: StoredQueue, name: string) => Promise<{ ids: string[]; attempts: number[] }>;

const pool = new Pool({ connectionString: url, max: 4 });

const hinted: Take = async (queue) => {
  const { items } = await queue.claim({ maxItems: BATCH, leaseMs: 10_000 });
  return { ids: items.map(({ id }) => id), attempts: items.map(({ attempt }) => attempt) };
};

/** Without what the process knows to be gone: from the front of the index. */
const plain: Take = async (_queue, name) => {
  const zeros = new Array<number>(8).fill(0);
  const { rows } = await pool.query<{ o_kind: string; o_id: string; o_attempt: number }>(
    `SELECT o_kind, o_id, o_attempt FROM holdfast_queue.claim_v1($1, $2, $3, 10000000, $4, 0)`,
    [name, '{"concurrency":1,"maxTries":10,"agingUs":30000000,"crashUs":[0]}', BATCH, zeros],
  );
  const items = rows.filter((row) => row.o_kind === 'item');
  return { ids: items.map((row) => row.o_id), attempts: items.map((row) => row.o_attempt) };
};

let names = 0;

/** The median of claims behind so many that are gone, milliseconds. */
async function measure(take: Take, isPinned: boolean): Promise<number> {
  const name = `q${(names += 1)}`;
  const queue = await openQueue(pool, name);
  await pool.query('VACUUM ANALYZE holdfast_queue.item');
  const pinning = await pool.connect();
  if (isPinned) {
    await pinning.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await pinning.query('SELECT count(*) FROM holdfast_queue.queue');
  }
  await fill(queue, GONE + MEASURED);
  for (let gone = 0; gone < GONE; gone += BATCH) {
    const { items } = await queue.claim({ maxItems: BATCH, leaseMs: 10_000 });
    await acknowledge(queue, items);
  }
  const times: number[] = [];
  for (let taken = 0; taken < MEASURED; taken += BATCH) {
    const startedMs = performance.now();
    const { ids, attempts } = await take(queue, name);
    times.push(performance.now() - startedMs);
    if (ids.length !== BATCH) throw new Error(`claimed ${ids.length} of ${BATCH}`);
    await queue.settle(
      ids.map((id, index) => ({ id, attempt: attempts[index] ?? 0, status: 'ack' })),
    );
  }
  if (isPinned) await pinning.query('COMMIT');
  pinning.release();
  return median(times);
}

const unpinned: number[] = [];
const pinned: number[] = [];
const pinnedPlain: number[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  unpinned.push(await measure(hinted, false));
  pinned.push(await measure(hinted, true));
  pinnedPlain.push(await measure(plain, true));
}
const ratio = median(pinned) / median(unpinned);
const line = {
  claim: 'pg-claim-pinned',
  rowsThatAreGone: GONE,
  batch: BATCH,
  unpinnedMs: median(unpinned),
  pinnedMs: median(pinned),
  pinnedWithoutHintsMs: median(pinnedPlain),
  ratio,
  target: 1.5,
  holds: ratio <= 1.5,
};
process.stdout.write(`${JSON.stringify(line)}\n`);
await pool.end();
