import { createBatchWriter, ledgerTableStatement, type ExactlyOnce } from '@holdfast/batch-writer';
import { seededRandom } from '@holdfast/internal';
import { startFaultProxy, type TestDatabase } from '@holdfast/testkit';
import { expectAccounted } from '../oracle.ts';
import { KILL_POINTS, killAt, type Route } from './kill-points.ts';

export interface KillRun {
  readonly table: 'keyed' | 'keyless';
  readonly route: Route;
  readonly onConflict?: 'nothing' | 'error' | undefined;
  readonly exactlyOnce: ExactlyOnce;
  readonly kills: number;
  readonly seed: number;
}

export interface KillResult {
  readonly kills: Readonly<Record<string, number>>;
  readonly accepted: number;
  readonly stored: number;
  readonly duplicate: number;
  /** Ids that were accepted and are not in the table. */
  readonly lost: number;
  /** Rows of the table beyond one an id. */
  readonly doubled: number;
  readonly doubts: number;
}

interface Row {
  readonly id: number;
  readonly text: string;
}

const WORKERS = 4;
const ROWS = 20;
const TEXT_BYTES = 100;

export const LEDGER = { ledger: 'ledger' } as const;

/** Writes rows while their connections are killed at random points, then compares the account with the table. */
export async function runKills(database: TestDatabase, run: KillRun): Promise<KillResult> {
  await database.pool.query(`
    DROP TABLE IF EXISTS rows, ledger;
    CREATE TABLE rows (id int4 NOT NULL ${run.table === 'keyed' ? 'PRIMARY KEY' : ''}, text text NOT NULL);
    ${ledgerTableStatement(LEDGER.ledger)}`);
  const random = seededRandom(run.seed);
  const kills: Record<string, number> = {};
  const total = { accepted: 0, stored: 0, duplicate: 0, doubts: 0 };
  let killed = 0;
  let nextId = 0;
  const { hostname: host, port } = new URL(database.url);

  const work = async (): Promise<void> => {
    // One connection at a time behind each proxy: the fault is that connection's.
    await using proxy = await startFaultProxy({ host, port: Number(port) });
    const pool = database.createPool({ connectionString: proxy.urlFor(database.url), max: 1 });
    const writer = createBatchWriter<Row>({
      pool,
      table: 'rows',
      columns: { id: 'int4', text: 'text' },
      ...(run.table === 'keyed' && { key: ['id'], onConflict: run.onConflict }),
      path: run.route === 'insert' ? 'unnest' : 'auto',
      exactlyOnce: run.exactlyOnce,
      lanes: 1,
      batch: { lingerMs: 0 },
      retry: { baseMs: 1, capMs: 20 },
      flushTimeoutMs: 5000,
    });
    const writeBatch = async (): Promise<void> => {
      for (let row = 0; row < ROWS; row++) {
        await writer.write({ id: nextId++, text: 'x'.repeat(TEXT_BYTES) });
      }
      await writer.flush();
    };
    await writeBatch();
    while (killed < run.kills) {
      killed += 1;
      const point = KILL_POINTS[Math.floor(random() * KILL_POINTS.length)]!;
      const fault = proxy.set('open', killAt(point, run.route, ROWS * TEXT_BYTES, random));
      await writeBatch();
      // Rejects the run as a whole when a kill did not happen: it proves nothing then.
      await withinMs(2000, fault.fired, `the kill ${point} has not happened`);
      kills[point] = (kills[point] ?? 0) + 1;
    }
    const report = await writer.close();
    expectAccounted(report);
    total.accepted += report.accepted;
    total.stored += report.stored;
    total.duplicate += report.duplicate;
    total.doubts += writer.snapshot().doubts;
    await pool.end();
  };
  await Promise.all(Array.from({ length: WORKERS }, work));

  const { rows } = await database.pool.query<{ rows: number; ids: number; wrong: number }>(
    `SELECT count(*)::int4 AS rows, count(DISTINCT id)::int4 AS ids,
       count(*) FILTER (WHERE id < 0 OR id >= ${nextId})::int4 AS wrong FROM rows`,
  );
  const found = rows[0]!;
  if (found.wrong > 0) throw new Error(`${found.wrong} rows were never written`);
  return { kills, ...total, lost: nextId - found.ids, doubled: found.rows - found.ids };
}

async function withinMs(ms: number, promise: Promise<void>, message: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(message)), ms);
  });
  await Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
