import { setTimeout as delay } from 'node:timers/promises';
import { createTestDatabase } from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import { embeddedFolders, ledgerOf, startHoldfast } from '../run-holdfast.ts';

const LONG = ['--nodes', '100', '--seconds', '600', '--json'];

async function untilGone(look: () => Promise<boolean>): Promise<void> {
  while (!(await look())) await delay(50);
}

describe('holdfast demo, interrupted', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'drains on %s: everything acknowledged is stored, and nothing is left behind',
    async (signal) => {
      const before = await embeddedFolders();
      const running = startHoldfast('demo', ...LONG);
      await running.said('5 %').catch(() => undefined);
      // Twice within a moment, as npm does it on a terminal: still one press.
      running.kill(signal);
      running.kill(signal);
      const interruptedAt = performance.now();

      const run = await running.finished;

      expect((performance.now() - interruptedAt) / 1000).toBeLessThan(10);
      const ledger = ledgerOf(run);
      expect(run.code, run.stderr).toBe(130);
      expect(ledger).toMatchObject({ interrupted: true, lost: 0, stale: 0, unsettled: 0 });
      expect(ledger.stored + ledger.duplicate + ledger.rejected).toBe(ledger.values);
      expect(ledger.messages).toBeGreaterThan(0);
      expect(await embeddedFolders()).toEqual(before);
    },
  );

  it('leaves no server and no data behind when it is killed', async () => {
    const before = await embeddedFolders();
    const running = startHoldfast('demo', ...LONG);
    await running.said('running');
    const during = (await embeddedFolders()).filter((folder) => !before.includes(folder));
    expect(during.some((folder) => folder.startsWith('holdfast-postgres-'))).toBe(true);

    running.kill('SIGKILL');
    await running.finished;

    await untilGone(async () => {
      const left = await embeddedFolders();
      return !during.some(
        (folder) => folder.startsWith('holdfast-postgres') && left.includes(folder),
      );
    });
  });

  it('keeps what was acknowledged when the process is killed and the database lives on', async () => {
    await using database = await createTestDatabase();
    const running = startHoldfast('demo', ...LONG, '--postgres', database.url);
    await running.said('running');
    const count = async (): Promise<number> => {
      const { rows } = await database.pool.query<{ n: number }>(
        'select count(*)::int as n from telemetry_samples',
      );
      return rows[0]?.n ?? 0;
    };
    await untilGone(async () => (await count()) > 0);

    running.kill('SIGKILL');
    await running.finished;

    // Every sample that is there came with its latest value, or one that is newer.
    const { rows } = await database.pool.query(`
      select s.node_id, s.metric from telemetry_samples s
      left join telemetry_last l using (node_id, metric)
      group by s.node_id, s.metric, l.ts having l.ts is null or l.ts < max(s.ts)`);
    expect(rows.length).toBeLessThanOrEqual(await count());
  });
});
