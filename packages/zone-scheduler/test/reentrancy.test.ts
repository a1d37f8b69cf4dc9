import { describe, expect, it } from 'vitest';
import type { ZoneScheduler } from '../src/zone-scheduler.ts';
import { counts, setUp } from './set-up.ts';

/** What a handler's listener or a listener of the scheduler may call in the middle of anything. */
const calls: [string, (scheduler: ZoneScheduler) => void][] = [
  ['pause()', (scheduler) => scheduler.pause()],
  ['close()', (scheduler) => void scheduler.close()],
  ['runCycle()', (scheduler) => void scheduler.runCycle().catch(() => undefined)],
];

describe.each(calls)('%s accounts for each zone when it is called', (_, call) => {
  it('by a listener of the last signal that aborts', async () => {
    const { clock, scheduler, contextOf } = setUp(['a', 'b']);
    const report = scheduler.runCycle();
    await clock.advance(1);
    contextOf('b').signal.addEventListener('abort', () => call(scheduler));

    await clock.advance(1_000);

    expect((await report).zones).toEqual(counts({ planned: 2, timedOut: 2 }));
  });

  it('by a handler before it returns', async () => {
    const { clock, scheduler } = setUp(['a', 'b', 'c'], {
      handler: () => {
        call(scheduler);
        return Promise.resolve();
      },
    });

    const report = scheduler.runCycle();
    await clock.advance(1_000);

    const { planned, ok, deferred } = (await report).zones;
    expect([planned, ok + deferred]).toEqual([3, 3]);
  });

  it('by a listener for zombies, or for the downstream', async () => {
    const { clock, scheduler, finish } = setUp(['a', 'b', 'c', 'd'], { breaker: { sample: 1 } });
    scheduler.on('zombie', () => call(scheduler));
    scheduler.on('downstream', () => call(scheduler));
    const report = scheduler.runCycle();
    await clock.advance(1);
    finish('a', Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }));

    await clock.advance(3_000);

    const { planned, failed, timedOut, deferred } = (await report).zones;
    expect([planned, failed + timedOut + deferred]).toEqual([4, 4]);
  });
});
