import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { startPostgresServer } from '@holdfast/testkit';
import { Pool } from 'pg';
import { bundle } from '../run-bundled.ts';
import { median } from '../median.ts';

interface Result {
  readonly seconds: number;
  readonly megabytes: number;
}

const run = promisify(execFile);
const ROUNDS = 7;

/** 100,000 entries, half of them known, into a history of two millions: against loading all of it into memory first. */
export async function measureHistory(
  { smoke }: { readonly smoke: boolean },
  print: (line: object) => void,
): Promise<void> {
  const known = smoke ? 10_000 : 2_000_000;
  const entries = smoke ? 2_000 : 100_000;
  const program = await bundle(new URL('history-run.ts', import.meta.url));
  await using server = await startPostgresServer({ fsync: true });
  const pool = new Pool({ connectionString: server.url });
  await pool.query(`
    CREATE TABLE history (task_id int8, status text, start_time timestamptz,
      UNIQUE (task_id, status, start_time));
    INSERT INTO history SELECT n, 'open', timestamptz '2026-01-01Z' + n * interval '1 second'
      FROM generate_series(0, ${known - 1}) n;
    ANALYZE history`);
  const once = async (side: string, what: string): Promise<Result> => {
    const args = ['--expose-gc', program, side, what, server.url, String(entries)];
    const { stdout } = await run(process.execPath, args);
    const { rowCount } = await pool.query('DELETE FROM history WHERE task_id < 0');
    if (rowCount !== entries / 2) throw new Error(`${side} has imported ${rowCount} entries`);
    return JSON.parse(stdout) as Result;
  };
  const seconds: Record<string, number[]> = { ours: [], peer: [] };
  for (let round = 0; round < (smoke ? 1 : ROUNDS); round += 1) {
    for (const side of ['ours', 'peer']) seconds[side]?.push((await once(side, 'time')).seconds);
  }
  const ours = { seconds: median(seconds['ours'] ?? []), ...(await memoryOf('ours')) };
  const peer = { seconds: median(seconds['peer'] ?? []), ...(await memoryOf('peer')) };
  const claim = `${entries} entries, half of them known, into a history of ${known}, against loading all of it into memory`;
  const line = (target: number, ratio: number, of: string): object => ({
    ...{ name: 'batch-history', claim: `${claim}: ${of}`, ours, peer },
    ...{ ratio: Number(ratio.toPrecision(3)), target, ok: ratio >= target },
  });
  print(line(10, peer.seconds / ours.seconds, 'how many times faster'));
  print(line(100, peer.megabytes / ours.megabytes, 'how many times less memory alive'));
  await pool.end();

  async function memoryOf(side: string): Promise<Pick<Result, 'megabytes'>> {
    const { megabytes } = await once(side, 'memory');
    return { megabytes };
  }
}
