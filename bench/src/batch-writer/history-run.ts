/**
 * Imports a file's worth of history into a table that holds most of it. Arguments: `ours` or `peer`, `time` or `memory`, URL
 * of PostgreSQL, rows of the import. Prints seconds, or megabytes that were alive at the most beyond those before.
 */
import { createBatchWriter } from '@holdfast/batch-writer';
import { Pool } from 'pg';

interface Entry {
  readonly task_id: number;
  readonly status: string;
  readonly start_time: Date;
}

const [side = '', what = '', url = '', count = '0'] = process.argv.slice(2);
const pool = new Pool({ connectionString: url, max: 4 });
await pool.query('SELECT 1');
const before = live();
let most = 0;
const startedMs = performance.now();
if (side === 'ours') await importWithWriter();
else await importThroughMemory();
const seconds = (performance.now() - startedMs) / 1000;
process.stdout.write(JSON.stringify({ seconds, megabytes: most / 2 ** 20 }));
await pool.end();

/** Every second entry is in the table already. */
function* history(): Generator<Entry> {
  for (let index = 0; index < Number(count); index += 1) {
    const task_id = index % 2 === 0 ? index : -index;
    yield { task_id, status: 'open', start_time: new Date(Date.UTC(2026, 0, 1) + index * 1000) };
    if (index % 10_000 === 0) look();
  }
}

async function importWithWriter(): Promise<void> {
  const writer = createBatchWriter<Entry>({
    pool,
    table: 'history',
    columns: { task_id: 'int8', status: 'text', start_time: 'timestamptz' },
    key: ['task_id', 'status', 'start_time'],
    buffer: { maxRows: 20_000 },
  });
  await writer.writeMany(history());
  await writer.close();
}

/** As the report has it: all that is there is loaded to be compared with; what is new is then inserted, a thousand at a time. */
async function importThroughMemory(): Promise<void> {
  const keyOf = ({ task_id, status, start_time }: Entry): string =>
    `${task_id}/${status}/${start_time.getTime()}`;
  const { rows } = await pool.query<Entry>('SELECT * FROM history');
  const seen = new Map(rows.map((row) => [keyOf(row), row]));
  look();
  let fresh: Entry[] = [];
  for (const entry of history()) {
    if (seen.has(keyOf(entry))) continue;
    seen.set(keyOf(entry), entry);
    fresh.push(entry);
    if (fresh.length === 1_000) fresh = await insert(fresh);
  }
  await insert(fresh);
}

async function insert(entries: readonly Entry[]): Promise<Entry[]> {
  const values = entries.map(
    (_entry, index) => `($${3 * index + 1}, $${3 * index + 2}, $${3 * index + 3})`,
  );
  if (values.length === 0) return [];
  await pool.query(
    `INSERT INTO history (task_id, status, start_time) VALUES ${values.join(', ')}`,
    entries.flatMap(({ task_id, status, start_time }) => [task_id, status, start_time]),
  );
  return [];
}

/** What is left when the garbage is gone; that takes time, so speed is measured without. */
function look(): void {
  if (what === 'memory') most = Math.max(most, live() - before);
}

function live(): number {
  if (what !== 'memory') return 0;
  global.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
