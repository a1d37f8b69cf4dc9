import { EventEmitter } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { watchLeaks } from '@holdfast/testkit';

describe('watchLeaks', () => {
  it('is content when everything that was opened is closed', async () => {
    const { signal } = new AbortController();
    const emitter = new EventEmitter();
    const listener = (): void => {};
    emitter.on('x', listener);
    const watch = watchLeaks({ signals: [signal], emitters: [emitter] });
    clearTimeout(setTimeout(() => {}, 10_000));
    await new Promise((resolve) => setTimeout(resolve, 1));
    signal.addEventListener('abort', listener);
    signal.removeEventListener('abort', listener);
    const server = createServer().listen(0);
    await new Promise((resolve) => server.close(resolve));
    await watch.assertNone();
  });

  it('reports a timer with the place where it was set, also one that keeps nothing alive', async () => {
    const watch = watchLeaks();
    const timer = setTimeout(() => {}, 10_000).unref();
    await expect(watch.assertNone()).rejects.toThrow(
      /a timer that was set here:[^]*leaks\.test\.ts/,
    );
    clearTimeout(timer);
  });

  it('reports a socket, and a listener on a signal and on an emitter', async () => {
    const { signal } = new AbortController();
    const emitter = new EventEmitter();
    const watch = watchLeaks({ signals: [signal], emitters: [emitter] });
    signal.addEventListener('abort', () => {});
    emitter.on('x', () => {});
    const server = createServer().listen(0);
    await expect(watch.assertNone()).rejects.toThrow(
      /1 more TCPServerWrap than at the start\n1 more listeners on signal or emitter 0\n1 more listeners on signal or emitter 1/,
    );
    await new Promise((resolve) => server.close(resolve));
  });
});
