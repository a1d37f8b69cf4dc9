import { describe, expect, it } from 'vitest';
import { createDeferred, createLifecycle, seededRandom, type Lifecycle } from '@holdfast/internal';
import { testSeed } from '@holdfast/testkit';

interface Counted {
  readonly lifecycle: Lifecycle;
  readonly events: string[];
}

function counted(
  work: { start?: () => void | Promise<void>; close?: () => void | Promise<void> } = {},
): Counted {
  const events: string[] = [];
  const lifecycle = createLifecycle({
    start: async () => {
      events.push('start');
      await work.start?.();
      events.push('started');
    },
    close: async () => {
      events.push('close');
      await work.close?.();
      events.push('closed');
    },
    closedError: () => new Error('is closed'),
  });
  return { lifecycle, events };
}

describe('createLifecycle', () => {
  it('starts and closes once, however often it is told to', async () => {
    const { lifecycle, events } = counted();

    await Promise.all([lifecycle.start(), lifecycle.start()]);
    expect(lifecycle.state).toBe('running');
    await Promise.all([lifecycle.close(), lifecycle.close()]);

    expect(events).toEqual(['start', 'started', 'close', 'closed']);
    expect(lifecycle.state).toBe('closed');
  });

  it('closes only when the start has settled', async () => {
    const gate = createDeferred<void>();
    const { lifecycle, events } = counted({ start: () => gate.promise });
    const starting = lifecycle.start();
    const closing = lifecycle.close();
    await Promise.resolve();
    expect(lifecycle.state).toBe('closing');

    gate.resolve();
    await Promise.all([starting, closing]);

    expect(events).toEqual(['start', 'started', 'close', 'closed']);
  });

  it('releases what a failed start had acquired', async () => {
    const { lifecycle, events } = counted({ start: () => Promise.reject(new Error('no port')) });

    await expect(lifecycle.start()).rejects.toThrow('no port');
    await lifecycle.close();

    expect(events).toEqual(['start', 'close', 'closed']);
  });

  it('starts again when a start has failed, and only then', async () => {
    let failures = 1;
    const start = (): void => {
      failures -= 1;
      if (failures >= 0) throw new Error('no port');
    };
    const { lifecycle, events } = counted({ start });

    await expect(lifecycle.start()).rejects.toThrow('no port');
    expect(lifecycle.state).toBe('idle');
    await Promise.all([lifecycle.start(), lifecycle.start()]);
    expect(lifecycle.state).toBe('running');

    expect(events).toEqual(['start', 'start', 'started']);
  });

  it('cannot be started again when it was closed while its start failed', async () => {
    const gate = createDeferred<void>();
    const { lifecycle, events } = counted({ start: () => gate.promise });
    const starting = lifecycle.start();
    const closing = lifecycle.close();

    gate.reject(new Error('no port'));

    await expect(starting).rejects.toThrow('no port');
    await closing;
    await expect(lifecycle.start()).rejects.toThrow('is closed');
    expect(events).toEqual(['start', 'close', 'closed']);
  });

  it('has nothing to close when it was never started, and cannot be started afterwards', async () => {
    const { lifecycle, events } = counted();

    await lifecycle.close();

    await expect(lifecycle.start()).rejects.toThrow('is closed');
    expect(events).toEqual([]);
  });

  it('is closed also when closing fails', async () => {
    const { lifecycle } = counted({ close: () => Promise.reject(new Error('stuck')) });
    await lifecycle.start();

    await expect(lifecycle.close()).rejects.toThrow('stuck');
    expect(lifecycle.state).toBe('closed');
  });

  it('keeps its order under ten thousand rounds of concurrent starts and closes', async () => {
    const random = seededRandom(testSeed());

    for (let round = 0; round < 10_000; round += 1) {
      const { lifecycle, events } = counted({ start: async () => {}, close: async () => {} });
      const calls = Array.from({ length: 4 }, async () => {
        for (let ticks = Math.floor(random() * 4); ticks > 0; ticks -= 1) await Promise.resolve();
        await (random() < 0.5 ? lifecycle.start() : lifecycle.close()).catch(() => undefined);
      });
      await Promise.all(calls);
      await lifecycle.close();

      expect([[], ['start', 'started', 'close', 'closed']]).toContainEqual(events);
    }
  });
});
