import {
  createTestDatabase,
  isTorture,
  recordTorture,
  testSeed,
  type TestDatabase,
} from '@holdfast/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LEDGER, runKills, type KillRun } from './connection-kills.ts';

const KILLS = isTorture ? 1000 : 60;

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

type Case = Omit<KillRun, 'kills' | 'seed'>;

test.each<[string, Case]>([
  ['keyed, copy, xact-status', { table: 'keyed', route: 'copy', exactlyOnce: 'xact-status' }],
  ['keyless, copy, xact-status', { table: 'keyless', route: 'copy', exactlyOnce: 'xact-status' }],
  ['keyed, insert, xact-status', { table: 'keyed', route: 'insert', exactlyOnce: 'xact-status' }],
  [
    'keyless, insert, xact-status',
    { table: 'keyless', route: 'insert', exactlyOnce: 'xact-status' },
  ],
  ['keyless, copy, ledger', { table: 'keyless', route: 'copy', exactlyOnce: LEDGER }],
  [
    'keyed with onConflict error, insert, ledger',
    { table: 'keyed', onConflict: 'error', route: 'insert', exactlyOnce: LEDGER },
  ],
])(
  `${KILLS} kills of connections at random points lose nothing and double nothing: %s`,
  { timeout: isTorture ? 900_000 : 60_000 },
  async (name, given) => {
    const startedMs = performance.now();
    const seed = testSeed();
    const result = await runKills(database, { ...given, kills: KILLS, seed });

    const seconds = Math.round((performance.now() - startedMs) / 1000);
    recordTorture({ name: `batch-writer-kills: ${name}`, size: KILLS, seed, result, seconds });
    expect(result).toMatchObject({ lost: 0, doubled: 0, duplicate: 0, stored: result.accepted });
    expect(result.doubts).toBeGreaterThan(KILLS / 8);
  },
);

test('without exactly-once the same kills double rows of a table without a key (negative control)', async () => {
  const result = await runKills(database, {
    table: 'keyless',
    route: 'copy',
    exactlyOnce: 'off',
    kills: 40,
    seed: testSeed(),
  });

  expect(result.doubled).toBeGreaterThan(0);
});
