import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { createDeferred, raceAbort, throwIfAborted } from '@holdfast/internal';

describe('throwIfAborted', () => {
  it('throws the reason itself, and nothing for a signal that is not aborted', () => {
    const reason = { any: 'value' };

    expect(() => throwIfAborted(AbortSignal.abort(reason))).toThrow(
      expect.objectContaining(reason),
    );
    expect(() => throwIfAborted(new AbortController().signal)).not.toThrow();
    expect(() => throwIfAborted(undefined)).not.toThrow();
  });
});

describe('raceAbort', () => {
  it('settles as the promise does and removes its listener', async () => {
    const { signal } = new AbortController();

    await expect(raceAbort(Promise.resolve(1), signal)).resolves.toBe(1);
    await expect(raceAbort(Promise.reject(new Error('no')), signal)).rejects.toThrow('no');

    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('rejects with the reason as soon as the signal aborts, and handles the late rejection', async () => {
    const controller = new AbortController();
    const work = createDeferred<number>();
    const racing = raceAbort(work.promise, controller.signal);

    controller.abort('stop');
    await expect(racing).rejects.toBe('stop');
    work.reject(new Error('late: an unhandled rejection would fail this test run'));

    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });
});
