import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { nextTurn, systemClock } from '@holdfast/internal';

const run = promisify(execFile);

/** Runs a program against the clock in a process of its own and answers what it printed. */
async function runWithClock(body: string): Promise<string> {
  const program = `import { nextTurn, systemClock } from '@holdfast/internal'; ${body}`;
  const args = ['--import', 'tsx', '--input-type=module', '-e', program];
  const { stdout } = await run(process.execPath, args);
  return stdout.trim();
}

describe('systemClock', () => {
  it('moves forward and never back', () => {
    const readings = Array.from({ length: 1_000 }, () => systemClock.now());

    expect(readings).toEqual([...readings].sort((a, b) => a - b));
  });

  it('calls a timer once', async () => {
    let calls = 0;

    await new Promise<void>((resolve) => {
      systemClock.setTimer(() => {
        calls += 1;
        systemClock.setTimer(resolve, 5);
      }, 1);
    });

    expect(calls).toBe(1);
  });

  it('does not call a timer that was cancelled', async () => {
    let calls = 0;
    const timer = systemClock.setTimer(() => (calls += 1), 0);

    timer.cancel();
    timer.cancel();
    await new Promise<void>((resolve) => systemClock.setTimer(resolve, 5));

    expect(calls).toBe(0);
  });

  it('keeps a delay above 2^31 - 1 ms, which setTimeout would fire at once', async () => {
    let early = false;
    const long = systemClock.setTimer(() => (early = true), 2 ** 31);
    const longer = systemClock.setTimer(() => (early = true), 2 ** 40);

    await new Promise<void>((resolve) => systemClock.setTimer(resolve, 20));
    long.cancel();
    longer.cancel();

    expect(early).toBe(false);
    // The negative control: what the platform does with the same delay.
    await expect(
      new Promise((resolve) => {
        process.once('warning', () => undefined);
        setTimeout(() => resolve('fired at once'), 2 ** 31);
      }),
    ).resolves.toBe('fired at once');
  });

  it('lets the process end while only a background timer is left', async () => {
    await expect(
      runWithClock(
        `systemClock.setTimer(() => console.log('fired'), 60_000, { background: true })`,
      ),
    ).resolves.toBe('');
  });

  it('keeps the process alive for a timer that somebody awaits', async () => {
    await expect(
      runWithClock(`systemClock.setTimer(() => console.log('fired'), 50)`),
    ).resolves.toBe('fired');
  });
});

it('nextTurn lets what waits for its turn come first', async () => {
  const order: string[] = [];
  setImmediate(() => order.push('other'));
  await nextTurn();
  order.push('own');
  expect(order).toEqual(['other', 'own']);
});
