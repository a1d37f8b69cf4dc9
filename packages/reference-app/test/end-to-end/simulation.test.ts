import { createTestDatabase, createTestMqtt, createTestRedis } from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import { ledgerOf, runFromSource, runHoldfast } from '../run-holdfast.ts';

const SIZE = ['--nodes', '60', '--seconds', '6', '--seed', '11', '--json'];

describe('holdfast demo', () => {
  it('loses nothing under faults, with everything embedded, and leaves nothing behind', async () => {
    const run = await runHoldfast('demo', ...SIZE);

    const ledger = ledgerOf(run);
    expect(run.code, run.stderr).toBe(0);
    expect(ledger).toMatchObject({
      nodes: 60,
      series: 240,
      lost: 0,
      stale: 0,
      unsettled: 0,
      interrupted: false,
      seed: 11,
    });
    // Nothing goes unaccounted: each value of each message was stored, known or rejected.
    expect(ledger.stored + ledger.duplicate + ledger.rejected).toBe(ledger.values);
    expect(ledger.duplicate).toBe((ledger.faults?.duplicates ?? NaN) * 4);
    expect(ledger.zoneCycles).toBeGreaterThan(0);
    expect(ledger.zoneCommands).toBeGreaterThan(0);
    expect(run.leftovers).toEqual([]);
  });

  it('does the same on servers that it is given', async () => {
    await using database = await createTestDatabase();
    await using redis = await createTestRedis();
    await using mqtt = await createTestMqtt();
    const urls = ['--postgres', database.url, '--redis', redis.url, '--mqtt', mqtt.url];

    const run = await runHoldfast('demo', ...SIZE, ...urls);

    expect(run.code, run.stderr).toBe(0);
    expect(ledgerOf(run)).toMatchObject({
      nodes: 60,
      lost: 0,
      stale: 0,
      servers: { postgres: 'external', queue: 'Redis', mqtt: 'external' },
    });
  });

  it('prints the ledger as a table for people, run from source', async () => {
    const run = await runFromSource('demo', '--nodes', '5', '--seconds', '1');

    expect(run.code, run.stderr).toBe(0);
    expect(run.stdout).toMatch(/│ lost +│ 0 +│/);
    expect(run.stderr).toContain('running');
  });
});
