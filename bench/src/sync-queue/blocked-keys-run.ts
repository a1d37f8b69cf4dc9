import { Pool } from 'pg';
import { median } from '../median.ts';
import { acknowledge, BATCH, fill, openQueue } from './open-queue.ts';

const [url, size] = process.argv.slice(2);
const isSmoke = size === 'smoke';
const BLOCKED = isSmoke ? 2000 : 100_000;
const FREE = isSmoke ? 2000 : 20_000;
const ROUNDS = isSmoke ? 1 : 5;
const STUCK_KEYS = 2;

const pool = new Pool({ connectionString: url, max: 4 });
let names = 0;

/** A queue with so many items behind keys whose heads are leased for an hour. */
async function openBlocked(blocked: number) {
  const queue = await openQueue(pool, `q${(names += 1)}`);
  await fill(queue, blocked, (index) => `stuck-${index % STUCK_KEYS}`);
  if (blocked > 0) await queue.claim({ maxItems: STUCK_KEYS, leaseMs: 3_600_000 });
  return queue;
}

type Queue = Awaited<ReturnType<typeof openBlocked>>;

/** Free items claimed and acknowledged, a second. */
async function drain(queue: Queue): Promise<number> {
  await fill(queue, FREE);
  await pool.query('VACUUM ANALYZE holdfast_queue.item');
  const startedMs = performance.now();
  let done = 0;
  while (done < FREE) {
    const { items } = await queue.claim({ maxItems: BATCH, leaseMs: 60_000 });
    await acknowledge(queue, items);
    done += items.length;
  }
  return (done / (performance.now() - startedMs)) * 1000;
}

const empty = await openBlocked(0);
const blocked = await openBlocked(BLOCKED);
const rates: { unblocked: number[]; blocked: number[] } = { unblocked: [], blocked: [] };
// The first round of each warms up.
await drain(empty);
await drain(blocked);
for (let round = 0; round < ROUNDS; round += 1) {
  rates.unblocked.push(await drain(empty));
  rates.blocked.push(await drain(blocked));
}
const ratio = median(rates.blocked) / median(rates.unblocked);
const line = {
  claim: 'pg-blocked-keys',
  blocked: BLOCKED,
  batch: BATCH,
  unblockedPerS: Math.round(median(rates.unblocked)),
  blockedPerS: Math.round(median(rates.blocked)),
  ratio,
  target: 0.9,
  holds: ratio >= 0.9,
};
process.stdout.write(`${JSON.stringify(line)}\n`);
await pool.end();
