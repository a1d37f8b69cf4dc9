import {
  createTestDatabase,
  isTorture,
  recordTorture,
  spawnNode,
  testSeed,
  type TestDatabase,
} from '@holdfast/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { OverlapResult, OverlapTask } from '../fixtures/overlapping-writer.ts';

const ROWS = isTorture ? 100_000 : 8000;
const KEYS = 1000;
const PROGRAM = new URL('../fixtures/overlapping-writer.ts', import.meta.url);

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

async function runWriters(count: number, task: Omit<OverlapTask, 'url' | 'seed' | 'keys'>) {
  await database.pool.query(
    'DROP TABLE IF EXISTS versioned; CREATE TABLE versioned (key int4 PRIMARY KEY, version int8)',
  );
  const writers = await Promise.all(
    Array.from({ length: count }, (_, index) => {
      const full: OverlapTask = {
        ...task,
        url: database.url,
        keys: KEYS,
        seed: testSeed() + index,
      };
      return spawnNode<OverlapResult>(PROGRAM, [JSON.stringify(full)]);
    }),
  );
  for (const writer of writers) await writer.next();
  for (const writer of writers) writer.send('begin');
  const results = await Promise.all(writers.map((writer) => writer.next()));
  const { rows } = await database.pool.query<{ key: number; version: string }>(
    'SELECT key, version FROM versioned',
  );
  const newest = new Map<string, number>();
  for (const result of results) {
    for (const [key, version] of Object.entries(result.newest)) {
      newest.set(key, Math.max(newest.get(key) ?? 0, version));
    }
  }
  const sum = (of: (result: OverlapResult) => number): number =>
    results.reduce((total, result) => total + of(result), 0);
  return {
    accepted: sum(({ accepted }) => accepted),
    settled: sum(({ settled }) => settled),
    deadlocks: sum(({ deadlocks }) => deadlocks),
    keys: newest.size,
    keysStored: rows.length,
    keysNotNewest: rows.filter(({ key, version }) => newest.get(String(key)) !== Number(version))
      .length,
  };
}

const CONFLICTS = ['nothing', 'update', 'newerThan'] as const;

test.each(CONFLICTS)(
  'one process with many lanes never deadlocks with itself: %s',
  { timeout: isTorture ? 600_000 : 30_000 },
  async (onConflict) => {
    const result = await runWriters(1, { onConflict, rows: ROWS, lanes: 8 });

    expect(result).toMatchObject({ deadlocks: 0, keysStored: result.keys });
    expect(result.settled).toBe(result.accepted);
  },
);

test.each(CONFLICTS)(
  'four processes that write the same keys lose no row: %s',
  { timeout: isTorture ? 600_000 : 30_000 },
  async (onConflict) => {
    const startedMs = performance.now();
    const result = await runWriters(4, { onConflict, rows: ROWS / 2, lanes: 2 });

    const seconds = Math.round((performance.now() - startedMs) / 1000);
    const name = `batch-writer-deadlocks: 4 processes, ${onConflict}`;
    recordTorture({ name, size: ROWS / 2, seed: testSeed(), result, seconds });
    expect(result).toMatchObject({ keysStored: result.keys, keys: KEYS });
    expect(result.settled).toBe(result.accepted);
    if (onConflict === 'newerThan') expect(result.keysNotNewest).toBe(0);
  },
);
