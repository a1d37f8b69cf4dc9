import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { onAbort } from '@holdfast/internal';

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

describe('many waits on one signal', () => {
  it('have one listener together, which goes with the last of them', () => {
    const { signal } = new AbortController();

    const offs = Array.from({ length: 50 }, () => onAbort(signal, () => undefined));
    const [first = () => undefined, ...others] = offs;
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    first();
    first();
    for (const off of others.slice(1)) off();
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    others[0]?.();

    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    onAbort(signal, () => undefined);
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  });

  it('hear it in their order, but for those that one before them has ended', () => {
    const controller = new AbortController();
    const { signal } = controller;
    const heard: string[] = [];

    onAbort(signal, (reason) => {
      heard.push(`first ${String(reason)}`);
      offSecond();
      onAbort(signal, () => heard.push('added'));
    });
    const offSecond = onAbort(signal, () => heard.push('second'));
    onAbort(signal, () => heard.push('third'));
    controller.abort('now');

    expect(heard).toEqual(['first now', 'added', 'third']);
  });

  it('hear it though one of them throws, and its error is not lost', async () => {
    const thrown: unknown[] = [];
    const before = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.once('uncaughtException', (error) => thrown.push(error));
    const controller = new AbortController();
    let isHeard = false;

    onAbort(controller.signal, () => {
      throw new Error('bad listener');
    });
    onAbort(controller.signal, () => (isHeard = true));
    controller.abort();
    await new Promise((resolve) => setImmediate(resolve));
    for (const listener of before) process.on('uncaughtException', listener);

    expect(isHeard).toBe(true);
    expect(thrown).toEqual([new Error('bad listener')]);
  });

  it('hear the abort although somebody has dispatched an event of that name before', () => {
    const controller = new AbortController();
    const heard: string[] = [];

    onAbort(controller.signal, () => heard.push('first'));
    controller.signal.dispatchEvent(new Event('abort'));
    onAbort(controller.signal, () => heard.push('second'));
    controller.abort();

    expect(heard).toEqual(['first', 'second']);
  });
});
