import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { sleep } from '@holdfast/internal';
import { createFakeClock } from '@holdfast/testkit';

describe('sleep', () => {
  it('resolves when the time has passed, not before', async () => {
    const clock = createFakeClock();
    let woke = false;
    const sleeping = sleep(100, { clock }).then(() => (woke = true));

    await clock.advance(99);
    expect(woke).toBe(false);
    await clock.advance(1);
    await sleeping;

    expect(woke).toBe(true);
    expect(clock.pending()).toBe(0);
  });

  it('rejects with the reason itself when aborted, and leaves no timer and no listener', async () => {
    const clock = createFakeClock();
    const controller = new AbortController();
    const reason = new Error('enough');
    const sleeping = sleep(100, { clock, signal: controller.signal });
    await clock.advance(10);

    controller.abort(reason);

    await expect(sleeping).rejects.toBe(reason);
    expect(clock.pending()).toBe(0);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });

  it('leaves no listener on a long-lived signal when it ends by itself', async () => {
    const clock = createFakeClock();
    const { signal } = new AbortController();

    for (let n = 0; n < 1_000; n += 1) {
      const sleeping = sleep(1, { clock, signal });
      await clock.advance(1);
      await sleeping;
    }

    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('does not begin when the signal is aborted already', async () => {
    const clock = createFakeClock();

    await expect(sleep(100, { clock, signal: AbortSignal.abort('late') })).rejects.toBe('late');
    expect(clock.pending()).toBe(0);
  });
});

it('never ends before its time, though timers of the platform cut off fractions', async () => {
  for (let n = 0; n < 30; n += 1) {
    const startedMs = performance.now();
    await sleep(1.9);
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(1.9);
  }
});
