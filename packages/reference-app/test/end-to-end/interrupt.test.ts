import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ledgerOf, startHoldfast } from '../run-holdfast.ts';

const LONG = ['--nodes', '100', '--seconds', '600', '--json'];

async function until(look: () => Promise<boolean>): Promise<void> {
  while (!(await look())) await delay(50);
}

describe('holdfast demo, interrupted', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'drains on %s: everything acknowledged is stored, and nothing is left behind',
    async (signal) => {
      await using running = startHoldfast('demo', ...LONG);
      await running.said(/% \| [1-9]/);
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
      expect(run.leftovers).toEqual([]);
    },
  );

  it('leaves no server and no data behind when it is killed', async () => {
    await using running = startHoldfast('demo', ...LONG);
    await running.said('running');
    const hasServer = async (): Promise<boolean> =>
      (await running.temporaryFiles()).some((name) => name.startsWith('holdfast-postgres-'));
    expect(await hasServer()).toBe(true);

    running.kill('SIGKILL');
    await running.finished;

    await until(async () => !(await hasServer()));
  });
});
