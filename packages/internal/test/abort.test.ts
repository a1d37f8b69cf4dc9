import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { createDeferred, onAbort, raceAbort, throwIfAborted } from '@holdfast/internal';

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

describe('onAbort', () => {
  it('calls the listener once, also when the signal is aborted already', () => {
    const reasons: unknown[] = [];
    const controller = new AbortController();

    onAbort(controller.signal, (reason) => reasons.push(reason));
    onAbort(AbortSignal.abort('before'), (reason) => reasons.push(reason));
    controller.abort('now');

    expect(reasons).toEqual(['before', 'now']);
  });

  it('removes the listener when it is told to', () => {
    const controller = new AbortController();
    let calls = 0;

    const off = onAbort(controller.signal, () => (calls += 1));
    off();
    controller.abort();

    expect(calls).toBe(0);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
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
