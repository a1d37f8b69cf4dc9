/** Arguments: URL of PostgreSQL, `smoke`. Prints one JSON line for each race. */
import { Pool } from 'pg';
import { median } from '../median.ts';
import { createSamples, createTable, type Sample } from './samples.ts';
import {
  ours,
  pgPromise,
  postgresJs,
  rawCopy,
  rowByRow,
  unnest,
  type InsertSide,
} from './sides.ts';

interface Speed {
  readonly rowsPerSecond: number;
  /** Slowest and fastest round. */
  readonly spread: readonly [number, number];
  /** Of this process, for each row. */
  readonly cpuMicros: number;
}

interface Race {
  readonly claim: string;
  readonly rows: number;
  /** Of the rows, so many are in the table before. */
  readonly duplicates?: number;
  readonly ours: (pool: Pool) => InsertSide;
  /** Each peer and what the ratio must be. */
  readonly peers: readonly (readonly [
    name: string,
    target: number,
    create: (pool: Pool, url: string) => InsertSide,
  ])[];
}

const ROUNDS = 7;
const raw = (pool: Pool): InsertSide => rawCopy(pool, 'peer');

const RACES: readonly Race[] = [
  {
    claim: 'one lane, batches of 10,000',
    rows: 100_000,
    ours: (pool) => ours(pool, 'ours', { lanes: 1, batch: { maxRows: 10_000 } }),
    peers: [['raw COPY of encoded text, one stream', 0.8, raw]],
  },
  {
    claim: 'one lane, batches of 1,000',
    rows: 50_000,
    ours: (pool) => ours(pool, 'ours', { lanes: 1, batch: { maxRows: 1_000 } }),
    peers: [
      ['raw COPY of encoded text, one stream', 0.5, raw],
      ['pg-promise 12, batches of 1,000', 3, (_pool, url) => pgPromise(url, 'peer', 1_000)],
      ['postgres.js 3, batches of 1,000', 2, (_pool, url) => postgresJs(url, 'peer', 1_000)],
      [
        'UNNEST … ON CONFLICT by hand, batches of 1,000',
        1.5,
        (pool) => unnest(pool, 'peer', 1_000),
      ],
    ],
  },
  {
    claim: 'two lanes, batches of 10,000',
    rows: 100_000,
    ours: (pool) => ours(pool, 'ours', { lanes: 2, batch: { maxRows: 10_000 } }),
    peers: [
      ['raw COPY of encoded text, one stream', 1.2, raw],
      [
        'UNNEST … ON CONFLICT by hand, batches of 10,000',
        1.5,
        (pool) => unnest(pool, 'peer', 10_000),
      ],
    ],
  },
  {
    claim: 'one lane, batches of 1,000, small',
    rows: 5_000,
    ours: (pool) => ours(pool, 'ours', { lanes: 1, batch: { maxRows: 1_000 } }),
    peers: [['one INSERT a row', 50, (pool) => rowByRow(pool, 'peer')]],
  },
  {
    claim: 'one lane, batches of 10,000, every tenth row in the table before',
    rows: 100_000,
    duplicates: 0.1,
    ours: (pool) => ours(pool, 'ours', { lanes: 1, batch: { maxRows: 10_000 } }),
    peers: [['raw COPY of as many rows that are new', 0.45, raw]],
  },
];

const [url = '', smoke] = process.argv.slice(2);
const pool = new Pool({ connectionString: url, max: 8 });
const rounds = smoke === undefined ? ROUNDS : 1;
for (const race of RACES) {
  for (const [peer, target, create] of race.peers) {
    const sides = { ours: race.ours(pool), peer: create(pool, url) };
    const count = smoke === undefined ? race.rows : 2_000;
    const seen = await run(sides, { count, duplicates: race.duplicates ?? 0 });
    const ratio = seen.ours.rowsPerSecond / seen.peer.rowsPerSecond;
    const line = {
      name: 'batch-insert',
      claim: `rows a second, ${race.claim}, against ${peer}`,
      ...seen,
      ratio: Number(ratio.toPrecision(3)),
      target,
      ok: ratio >= target,
      rounds,
    };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  }
}
await pool.end();

async function run(
  sides: Readonly<Record<'ours' | 'peer', InsertSide>>,
  { count, duplicates }: { readonly count: number; readonly duplicates: number },
): Promise<Record<'ours' | 'peer', Speed>> {
  const seconds: Record<'ours' | 'peer', number[]> = { ours: [], peer: [] };
  const cpu: Record<'ours' | 'peer', number[]> = { ours: [], peer: [] };
  await pool.query(
    `DROP TABLE IF EXISTS ours, peer; ${createTable('ours')}; ${createTable('peer')}`,
  );
  for (let round = -1; round < rounds; round += 1) {
    await pool.query('TRUNCATE ours, peer');
    const samples = createSamples(count, Date.UTC(2026, 0, 1));
    if (duplicates > 0) {
      const known = samples.filter((_sample, index) => index % (1 / duplicates) === 0);
      await writeAll(ours(pool, 'ours', {}), known);
    }
    for (const name of ['ours', 'peer'] as const) {
      const side = sides[name];
      side.prepare?.(samples);
      const before = process.cpuUsage();
      const startedMs = performance.now();
      await side.insert(samples);
      const took = (performance.now() - startedMs) / 1000;
      const used = process.cpuUsage(before);
      await expectRows(name, count);
      // The first round warms both up.
      if (round < 0) continue;
      seconds[name].push(took);
      cpu[name].push((used.user + used.system) / count);
    }
  }
  await Promise.all(Object.values(sides).map((side) => side.close()));
  return {
    ours: summarise(seconds.ours, cpu.ours, count),
    peer: summarise(seconds.peer, cpu.peer, count),
  };
}

async function writeAll(side: InsertSide, samples: readonly Sample[]): Promise<void> {
  await side.insert(samples);
  await side.close();
}

/** A side that loses rows has won nothing. */
async function expectRows(table: string, count: number): Promise<void> {
  const { rows } = await pool.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`);
  if (rows[0]?.n !== count) throw new Error(`${table} has ${rows[0]?.n} rows, not ${count}`);
}

function summarise(seconds: readonly number[], cpu: readonly number[], count: number): Speed {
  const speeds = seconds.map((took) => count / took);
  return {
    rowsPerSecond: Math.round(median(speeds)),
    spread: [Math.round(Math.min(...speeds)), Math.round(Math.max(...speeds))],
    cpuMicros: Number(median(cpu).toPrecision(3)),
  };
}
