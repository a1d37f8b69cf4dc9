import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { startPostgresServer } from '@holdfast/testkit';
import { Client } from 'pg';
import { bundle } from '../run-bundled.ts';

type Print = (line: object) => void;

interface Outcome {
  readonly missedTicks: number;
  readonly ok: number;
  readonly failed: number;
  readonly deferred: number;
  readonly longestMs: number;
  readonly meanInFlight: number;
}

const run = promisify(execFile);

/** 5,000 zones with a read and a write each on a real database: on time, and what others who use it feel. */
export async function measurePostgresCycles(
  { smoke }: { readonly smoke: boolean },
  print: Print,
): Promise<void> {
  const program = await bundle(new URL('postgres-run.ts', import.meta.url));
  const zones = smoke ? 200 : 5_000;
  await using server = await startPostgresServer({
    fsync: true,
    settings: { max_connections: '200' },
  });
  const client = new Client({ connectionString: server.url });
  await client.connect();
  await client.query(`
    CREATE TABLE zone_state (id int PRIMARY KEY, value int NOT NULL);
    INSERT INTO zone_state SELECT n, 0 FROM generate_series(0, ${zones - 1}) n`);

  const cycles = smoke ? 2 : 20;
  const steady = await runCycles(program, server.url, {
    controller: 'adaptive',
    zones,
    cycles,
    pool: 20,
    rows: 1,
    cycleMs: smoke ? 1_500 : 15_000,
  });
  const isComplete = steady.ok === zones * cycles;
  print({
    name: 'zone-postgres',
    claim: `${zones} zones with a read and a write, a pool of 20, ${cycles} cycles: missed ticks, and every zone in every cycle`,
    ...{ ours: steady, target: 0, ok: steady.missedTicks === 0 && isComplete },
  });

  const load = {
    zones,
    cycles: smoke ? 1 : 2,
    pool: 100,
    rows: 10_000,
    cycleMs: smoke ? 1_500 : 15_000,
  };
  const latencies: Record<'adaptive' | '500', number[]> = { adaptive: [], '500': [] };
  const outcomes: Partial<Record<'adaptive' | '500', Outcome>> = {};
  for (let round = 0; round < (smoke ? 1 : 3); round += 1) {
    for (const controller of ['adaptive', '500'] as const) {
      const stop = new AbortController();
      const watching = watch(client, latencies[controller], stop.signal);
      outcomes[controller] = await runCycles(program, server.url, { ...load, controller });
      stop.abort();
      await watching;
    }
  }
  await client.end();
  const ours = p99(latencies.adaptive);
  const peer = p99(latencies['500']);
  print({
    name: 'zone-postgres',
    claim: `p99 milliseconds of another client's query, under adaptive against fixed(500), ${zones} zones that load the database`,
    ours: { p99Ms: ours, ...outcomes.adaptive },
    peer: { p99Ms: peer, ...outcomes['500'] },
    ...{ ratio: Number((ours / peer).toPrecision(3)), target: 0.5, ok: ours / peer <= 0.5 },
  });
}

async function runCycles(
  program: string,
  url: string,
  load: {
    readonly controller: string;
    readonly zones: number;
    readonly cycles: number;
    readonly cycleMs: number;
    readonly pool: number;
    readonly rows: number;
  },
): Promise<Outcome> {
  const { controller, ...numbers } = load;
  const { zones, cycles, cycleMs, pool, rows } = numbers;
  const args = [zones, cycles, cycleMs, pool, rows].map(String);
  const { stdout } = await run(process.execPath, [program, url, controller, ...args]);
  return JSON.parse(stdout) as Outcome;
}

/** Somebody else who looks up a row, 50 times a second. */
async function watch(client: Client, latencies: number[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const startedMs = performance.now();
    await client.query('SELECT value FROM zone_state WHERE id = 1');
    latencies.push(performance.now() - startedMs);
    await delay(20);
  }
}

function p99(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return Number((sorted[Math.ceil(0.99 * sorted.length) - 1] ?? NaN).toPrecision(3));
}
