import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTestDatabase, isTorture, recordTorture } from '@holdfast/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ledgerOf, runHoldfast, type Finished } from '../run-holdfast.ts';

const DATA = fileURLToPath(new URL('../../../../../shared/data/', import.meta.url));
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-replay-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function recording(name: string, lines: readonly string[]): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, `${lines.join('\n')}\n`);
  return file;
}

/** Five nodes, ten minutes, microseconds apart within a minute, some nulls and booleans. */
function recordedLines(): string[] {
  return Array.from({ length: 500 }, (_, n) => {
    const fraction = String(n % 7).padStart(6, '0');
    const minute = String(Math.floor(n / 50)).padStart(2, '0');
    const second = String(Math.floor((n % 50) / 5) * 5).padStart(2, '0');
    const ts = `2024-03-31T01:${minute}:${second}.${fraction}Z`;
    const values = { x: n / 3, on: n % 2 === 0, gap: n % 10 === 0 ? null : -n };
    return JSON.stringify({ ts, node: `node/${n % 5}`, values });
  });
}

describe('holdfast demo --replay', () => {
  // Two whole runs, each with its own servers.
  it(
    'stores each recorded value once, however often the file is replayed',
    { timeout: 120_000 },
    async () => {
      await using database = await createTestDatabase();
      const file = await recording('twice.ndjson', recordedLines());
      const args = ['demo', '--replay', file, '--json', '--postgres', database.url];

      const first = ledgerOf(await runHoldfast(...args));
      const second = ledgerOf(await runHoldfast(...args));

      const both = { messages: 500, values: 1_500, nodes: 5, series: 15, lost: 0, stale: 0 };
      const rejected = { rejected: 50, rejectedByReason: { null: 50 } };
      expect(first).toMatchObject({ ...both, ...rejected, stored: 1_450, duplicate: 0 });
      expect(second).toMatchObject({ ...both, ...rejected, stored: 0, duplicate: 1_450 });
      const { rows } = await database.pool.query(
        'select count(*)::int as n from telemetry_samples',
      );
      expect(rows).toEqual([{ n: 1_450 }]);
    },
  );

  it('stores the good lines of a recording, counts the bad ones and exits with 2', async () => {
    const lines = recordedLines();
    lines.splice(3, 0, '{"ts":', '{"ts":"2024-03-31T01:00:00Z","values":{}}');
    const file = await recording('bad-lines.ndjson', lines);

    const run = await runHoldfast('demo', '--replay', file, '--json');

    expect(run.code).toBe(2);
    expect(ledgerOf(run)).toMatchObject({
      messages: 500,
      stored: 1_450,
      lost: 0,
      badLines: 2,
      badLineSamples: [
        { line: 4, reason: 'not JSON' },
        { line: 5, reason: 'no node in field "node"; the line has ts, values' },
      ],
    });
    expect(run.stderr).toContain('line 4 is left out: not JSON\n');
    expect(run.stderr).toContain('holdfast: 2 lines of the recording were left out\n');
  });

  describe.skipIf(!existsSync(DATA))(
    'on recorded sensor data, where it is beside the checkout',
    () => {
      // Each message is flushed to the disk before it is acknowledged.
      it(`stores ${isTorture ? 'a week' : 'twelve hours'} of a greenhouse`, async () => {
        const lines = isTorture ? 20_318 : 1_500;
        const file = await beginningOf('greenhouse-30mhz/sample-7d.ndjson', lines);

        const run = await replay('greenhouse', lines, file, '--speed', 'max');

        const nulls = isTorture ? 898 : 87;
        expect(run.code, run.stderr).toBe(0);
        expect(ledgerOf(run)).toMatchObject({
          messages: lines,
          nodes: 11,
          series: 55,
          stored: isTorture ? 95_148 : 7_006,
          rejected: nulls,
          rejectedByReason: { null: nulls },
          duplicate: 0,
          lost: 0,
          stale: 0,
        });
      }, 300_000);

      it('stores messages with other field names, epoch seconds and booleans', async () => {
        const lines = isTorture ? 9_995 : 1_000;
        const file = await beginningOf('mqtt-telemetry-stafford/messages-9995.ndjson', lines);

        const run = await replay(
          'stafford',
          lines,
          file,
          '--node',
          'device_id',
          '--values',
          'data',
        );

        expect(run.code, run.stderr).toBe(0);
        expect(ledgerOf(run)).toMatchObject({
          messages: lines,
          nodes: 3,
          series: 21,
          stored: lines * 7,
          lost: 0,
          stale: 0,
        });
      }, 300_000);
    },
  );
});

/** A recording of so many lines, the first ones of `name`. */
async function beginningOf(name: string, lines: number): Promise<string> {
  const text = await readFile(join(DATA, name), 'utf8');
  return recording(basename(name), text.split('\n').slice(0, lines));
}

/** Replays a file and keeps what came of it. */
async function replay(
  name: string,
  size: number,
  file: string,
  ...flags: readonly string[]
): Promise<Finished> {
  const startedMs = performance.now();
  const run = await runHoldfast('demo', '--replay', file, ...flags, '--json');
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  const { messages, stored, lost, stale } = ledgerOf(run);
  const result = { messages, stored, lost, stale };
  recordTorture({ name: `replay: ${name}`, size, seed: 0, result, seconds });
  return run;
}
