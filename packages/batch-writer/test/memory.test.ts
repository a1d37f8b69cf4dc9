import { createTestDatabase, spawnNode } from '@holdfast/testkit';
import { expect, test } from 'vitest';
import type { HeldRows } from './fixtures/held-rows.ts';
import type { LongOutage } from './fixtures/long-outage.ts';
import { expectAccounted } from './oracle.ts';

test('a queued row costs at most 1.2 times its encoded size', async () => {
  const file = new URL('./fixtures/held-rows.ts', import.meta.url);
  await using program = await spawnNode<HeldRows>(file, [], { nodeArgs: ['--expose-gc'] });
  const held = await program.next();
  process.stdout.write(`batch-writer-memory: queued: ${JSON.stringify(held)}\n`);
  const { rows, encodedBytes, heldBytes } = held;

  expect(rows).toBe(300_000);
  expect(heldBytes / encodedBytes).toBeLessThanOrEqual(1.2);
});

test.each(['wait', 'reject'] as const)(
  'ten minutes without a database cost at most the buffer and 32 MB, and every row is accounted for: %s',
  { timeout: 120_000 },
  async (whenFull) => {
    await using database = await createTestDatabase();
    await database.pool.query(
      'CREATE TABLE samples (id int8 PRIMARY KEY, ts timestamptz, text text, value float8)',
    );
    const file = new URL('./fixtures/long-outage.ts', import.meta.url);
    await using program = await spawnNode<LongOutage>(file, [whenFull, database.url], {
      nodeArgs: ['--expose-gc'],
    });
    const outage = await program.next();
    process.stdout.write(`batch-writer-outage: ${whenFull}: ${JSON.stringify(outage)}\n`);

    const { simulatedMs, retries, refused, taken, heldBytes, rssGrowthBytes, report } = outage;
    expect(simulatedMs).toBe(600_000);
    expect(retries).toBeGreaterThan(1000);
    expect(heldBytes).toBeGreaterThan(63 * 1024 ** 2);
    expect(refused > 0).toBe(whenFull === 'reject');
    expect(rssGrowthBytes).toBeLessThanOrEqual(64 * 1024 ** 2 + 32e6);
    expect(report).toMatchObject({ accepted: taken, stored: taken, returned: 0, unknown: 0 });
    expectAccounted({ ...report, returned: [] });
    const { rows } = await database.pool.query<{ n: number }>(
      'SELECT count(*)::int4 AS n FROM samples',
    );
    expect(rows[0]?.n).toBe(taken);
  },
);
