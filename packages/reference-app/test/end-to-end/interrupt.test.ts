import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ledgerOf, startHoldfast, type Running } from '../run-holdfast.ts';

/** Ten minutes, which none of the tests lasts. */
const LONG = ['--nodes', '100', '--seconds', '600', '--json'];
/** Real servers start, which takes a third of it on a busy machine. */
const TIMEOUT_MS = 90_000;

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

      const run = await running.finished;

      const ledger = ledgerOf(run);
      expect(run.code, run.stderr).toBe(130);
      expect(ledger).toMatchObject({ interrupted: true, lost: 0, stale: 0, unsettled: 0 });
      expect(ledger.stored + ledger.duplicate + ledger.rejected).toBe(ledger.values);
      expect(ledger.messages).toBeGreaterThan(0);
      expect(run.leftovers).toEqual([]);
    },
    TIMEOUT_MS,
  );

  it.each(['starting the servers', 'running'])(
    'leaves no server and no data behind when it is killed while %s',
    async (phase) => {
      await using running = startHoldfast('demo', ...LONG);
      await running.said(phase);
      await until(async () => (await running.temporaryFiles()).length > 0);

      running.kill('SIGKILL');
      await running.finished;

      await until(async () => (await running.temporaryFiles()).length === 0);
      await until(async () => (await processesOf(running)).length === 0);
    },
    TIMEOUT_MS,
  );
});

describe('holdfast demo, of which nobody reads the output any more', () => {
  it('ends as it would have ended, and leaves nothing behind', async () => {
    await using running = startHoldfast('demo', '--nodes', '5', '--seconds', '1');
    await running.said('running');
    running.closeStdout();

    const run = await running.finished;

    expect(run.code, run.stderr).toBe(0);
    expect(run.stderr).not.toContain('EPIPE');
    expect(run.leftovers).toEqual([]);
  });
});

/** Command lines of processes that work in the run's folder: servers, and who watches over them. */
async function processesOf(running: Running): Promise<string[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'args=']);
  return stdout.split('\n').filter((line) => line.includes(running.folder));
}
