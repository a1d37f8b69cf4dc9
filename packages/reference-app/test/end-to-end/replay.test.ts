import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTestDatabase } from '@holdfast/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ledgerOf, runHoldfast } from '../run-holdfast.ts';

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
      // 20,318 messages, each flushed to the disk before it is acknowledged.
      it('stores a week of a greenhouse', async () => {
        const file = join(DATA, 'greenhouse-30mhz/sample-7d.ndjson');

        const run = await runHoldfast('demo', '--replay', file, '--speed', 'max', '--json');

        expect(run.code, run.stderr).toBe(0);
        expect(ledgerOf(run)).toMatchObject({
          messages: 20_318,
          nodes: 11,
          series: 55,
          stored: 95_148,
          rejected: 898,
          rejectedByReason: { null: 898 },
          duplicate: 0,
          lost: 0,
          stale: 0,
        });
      }, 300_000);

      it('stores messages with other field names, epoch seconds and booleans', async () => {
        const file = join(DATA, 'mqtt-telemetry-stafford/messages-9995.ndjson');
        const fields = ['--node', 'device_id', '--values', 'data'];

        const run = await runHoldfast('demo', '--replay', file, ...fields, '--json');

        expect(run.code, run.stderr).toBe(0);
        expect(ledgerOf(run)).toMatchObject({
          messages: 9_995,
          nodes: 3,
          series: 21,
          stored: 69_965,
          lost: 0,
          stale: 0,
        });
      }, 120_000);
    },
  );
});
