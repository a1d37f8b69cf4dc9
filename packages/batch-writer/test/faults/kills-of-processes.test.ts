import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createBatchWriter, ledgerTableStatement } from '@holdfast/batch-writer';
import { seededRandom } from '@holdfast/internal';
import {
  createTestDatabase,
  isTorture,
  recordTorture,
  spawnNode,
  startFaultProxy,
  testSeed,
  type TestDatabase,
} from '@holdfast/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { allRows, decodeRow } from '../../src/batch-in-flight.ts';
import { resolveTable, shapeOf } from '../../src/resolve-table.ts';
import { decodeBatchFile } from '../../src/spool/batch-file.ts';
import { spoolingOptions, type SpooledRow } from '../fixtures/spooling-options.ts';
import type { FlushedMessage, SpoolingTask } from '../fixtures/spooling-writer.ts';
import { expectAccounted } from '../oracle.ts';

const KILLS = isTorture ? 200 : 6;
/** Ids of one process begin here times its number. */
const IDS = 1_000_000;
const PROGRAM = new URL('../fixtures/spooling-writer.ts', import.meta.url);

let database: TestDatabase;
let dir: string;

beforeAll(async () => {
  database = await createTestDatabase();
  await database.pool.query(
    `CREATE TABLE rows (id int4 NOT NULL, text text NOT NULL); ${ledgerTableStatement('ledger')}`,
  );
  dir = mkdtempSync(join(tmpdir(), 'spool-'));
});
afterAll(async () => {
  await database.close();
  rmSync(dir, { recursive: true, force: true });
});

/** The ids of all rows in the files of the spool. */
function idsOnDisk(): number[] {
  const options = spoolingOptions(database.pool, dir);
  const table = resolveTable(options);
  return readdirSync(dir).flatMap((name) => {
    if (!name.endsWith('.batch')) return [];
    const { batch } = decodeBatchFile(name, readFileSync(join(dir, name)), shapeOf(table));
    return allRows(batch).map((row) => Number(decodeRow<SpooledRow>(batch, row, table.format).id));
  });
}

async function runProcess(url: string, firstId: number, lifeMs: number): Promise<number> {
  const task: SpoolingTask = { url, dir, firstId };
  const program = await spawnNode<FlushedMessage>(PROGRAM, [JSON.stringify(task)]);
  const { flushedBelow } = await program.next();
  await delay(lifeMs);
  await program.kill();
  const messages = await program.rest();
  return messages.at(-1)?.flushedBelow ?? flushedBelow;
}

test(
  `${KILLS} processes killed with a spool: what was flushed or on disk is stored once, the rest at most once`,
  { timeout: isTorture ? 1_800_000 : 90_000 },
  async () => {
    const startedMs = performance.now();
    const seed = testSeed();
    const random = seededRandom(seed);
    const { hostname: host, port } = new URL(database.url);
    await using proxy = await startFaultProxy({ host, port: Number(port) });
    const required = new Set<number>();
    let onDisk = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const firstId = kill * IDS;
      // A network that is slower now and then: batches pile up.
      const slow = proxy.set('next', { kind: 'delay', ms: Math.floor(random() * 4) });
      const below = await runProcess(proxy.urlFor(database.url), firstId, random() * 200);
      slow.lift();
      for (let id = firstId; id < below; id++) required.add(id);
      const ids = idsOnDisk();
      onDisk += ids.length;
      for (const id of ids) required.add(id);
    }

    const writer = createBatchWriter<SpooledRow>(spoolingOptions(database.pool, dir));
    const report = await writer.close();

    expectAccounted(report);
    expect(report).toMatchObject({ accepted: 0, rejected: 0, spooled: 0, returned: [] });
    expect(readdirSync(dir)).toEqual([]);
    const { rows } = await database.pool.query<{ id: number; n: number }>(
      'SELECT id, count(*)::int4 AS n FROM rows GROUP BY id',
    );
    const doubled = rows.filter(({ n }) => n > 1).length;
    const stored = new Set(rows.map(({ id }) => id));
    const lost = [...required].filter((id) => !stored.has(id)).length;
    const result = { stored: stored.size, required: required.size, onDisk, lost, doubled };
    const seconds = Math.round((performance.now() - startedMs) / 1000);
    const name = 'batch-writer-kills: process SIGKILL with spool, keyless, ledger';
    recordTorture({ name, size: KILLS, seed, result, seconds });
    expect(result).toMatchObject({ lost: 0, doubled: 0 });
    expect(onDisk).toBeGreaterThan(KILLS);
  },
);
