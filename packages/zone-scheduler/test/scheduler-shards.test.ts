import { createDeferred } from '@holdfast/internal';
import { describe, expect, it } from 'vitest';
import { createBudget } from '../src/controllers/budget.ts';
import { allZones } from '../src/shards/all-zones.ts';
import type { Fence, ShardHost, ShardOwnership, Shards } from '../src/shards.ts';
import { counts, setUp } from './set-up.ts';

/** Zones `a…` and `b…` are of shards 0 and 1 of three; a test says which are ours. */
function createShards(ours: Set<number>, group = { isSettling: false }) {
  const host = createDeferred<ShardHost>();
  const closing = createDeferred<void>();
  const fence = (shard: number): Fence => ({ group: 'g', shard, epoch: 7n, owner: 'me' });
  const ownerships: ShardOwnership[] = [0, 1, 2].map((shard) => ({ shard, fence: fence(shard) }));
  const calls: string[] = [];
  const shards: Shards = {
    ...allZones(),
    start(starting) {
      calls.push('start');
      host.resolve(starting);
      return Promise.resolve();
    },
    ownershipOf(zoneId) {
      const shard = zoneId.charCodeAt(0) - 97;
      return ours.has(shard) ? ownerships[shard] : undefined;
    },
    isHeld: ({ shard }) => ours.has(shard),
    snapshot: () => ({
      ...{ total: 3, owned: ours.size, unowned: 1, members: 2 },
      ...{ trustedForMs: 9_000, mismatch: undefined, ...group },
    }),
    close() {
      calls.push('close');
      return closing.promise;
    },
  };
  return { shards, host: host.promise, calls, closing };
}

describe('a scheduler with shards', () => {
  it('runs the zones of its own, and hands their fence to the handler', async () => {
    const { shards } = createShards(new Set([0]));
    const { clock, scheduler, started, finish, contextOf } = setUp(['a1', 'b1', 'c1'], { shards });

    const report = scheduler.runCycle();
    await clock.advance(1);

    expect(started).toEqual(['a1']);
    expect(contextOf('a1').fence).toEqual({ group: 'g', shard: 0, epoch: 7n, owner: 'me' });
    finish('a1');
    expect(await report).toMatchObject({
      zones: counts({ planned: 1, ok: 1 }),
      notPlanned: { elsewhere: 2 },
    });
  });

  it('aborts what runs of a shard that it has lost, and starts no more of it', async () => {
    const ours = new Set([0, 1]);
    const { shards, host } = createShards(ours);
    const { clock, scheduler, started, finish, contextOf } = setUp(['a1', 'b1', 'a2'], { shards });
    const report = scheduler.runCycle();
    await clock.advance(1);
    const { signal } = contextOf('a1');
    contextOf('a1').assertOwned();

    ours.delete(0);
    expect(() => contextOf('a1').assertOwned()).toThrow(
      expect.objectContaining({ code: 'OWNERSHIP_LOST', shard: 0 }),
    );
    const why = new Error('the lease has run out');
    (await host).abandon([0], why);
    await clock.advance(1);

    expect(signal.reason).toMatchObject({ code: 'OWNERSHIP_LOST', shard: 0, cause: why });
    expect(started).toEqual(['a1', 'b1']);
    finish('b1');
    expect(await report).toMatchObject({
      zones: counts({ planned: 3, ok: 1, fenced: 2 }),
      failureRate: 0,
    });
  });

  it('counts a handler that finds itself fenced as such, and not as a failure', async () => {
    const { shards } = createShards(new Set([0]));
    const { scheduler } = setUp(['a1'], {
      shards,
      handler: () => Promise.reject(Object.assign(new Error('0 rows'), { code: 'FENCED' })),
    });

    expect(await scheduler.runCycle()).toMatchObject({ zones: counts({ planned: 1, fenced: 1 }) });
  });

  it('gives a shard back when nothing of it runs any more', async () => {
    const ours = new Set([0, 1]);
    const { shards, host } = createShards(ours);
    const { clock, scheduler, finish } = setUp(['a1', 'b1'], { shards });
    void scheduler.runCycle();
    await clock.advance(1);
    const drained: string[] = [];

    ours.delete(0);
    void (await host).drain([0]).then(() => drained.push('0'));
    void (await host).drain([2]).then(() => drained.push('2'));
    await clock.advance(1);
    expect(drained).toEqual(['2']);
    finish('b1');
    await clock.advance(1);
    expect(drained).toEqual(['2']);
    finish('a1');
    await clock.advance(1);

    expect(drained).toEqual(['2', '0']);
  });

  it('starts them once, before the first cycle, and gives them back at the end', async () => {
    const { shards, calls, closing } = createShards(new Set([0]));
    const { clock, scheduler } = setUp([], { shards });
    expect(calls).toEqual([]);
    await Promise.all([scheduler.runCycle(), scheduler.start()]);
    await clock.advance(1_500);
    let isClosed = false;

    const closed = scheduler.close().then(() => {
      isClosed = true;
    });
    await clock.advance(10);
    expect([calls, isClosed]).toEqual([['start', 'close'], false]);
    closing.resolve();
    await clock.advance(0);

    await closed;
    expect(scheduler.snapshot()).toMatchObject({ shards: { owned: 1, unowned: 1 } });
  });

  it('does not start when they cannot', async () => {
    const shards: Shards = { ...allZones(), start: () => Promise.reject(new Error('no table')) };
    const { scheduler } = setUp(['a1'], { shards });

    await expect(scheduler.start()).rejects.toThrow('no table');
    await expect(scheduler.runCycle()).rejects.toThrow('no table');
    await scheduler.close();
  });

  it.each([
    ['rejects', () => Promise.reject(new Error('no server'))],
    [
      'throws',
      () => {
        throw new Error('no server');
      },
    ],
  ])('starts with the next call when the start of the shards %s at first', async (_, fail) => {
    const starts = [fail, fail, () => Promise.resolve()];
    const shards: Shards = { ...allZones(), start: () => starts.shift()!() };
    const { clock, scheduler, started } = setUp(['a1'], { shards });

    await expect(scheduler.start()).rejects.toThrow('no server');
    expect(scheduler.snapshot().state).toBe('idle');
    await expect(scheduler.runCycle()).rejects.toThrow('no server');
    await scheduler.start();
    await clock.advance(1);

    expect([scheduler.snapshot().state, started]).toEqual(['running', ['a1']]);
    expect(starts).toEqual([]);
  });

  it('is closed, and out of its budget, also when they cannot be given back', async () => {
    const budget = createBudget({ max: 2 });
    const { scheduler } = setUp(['a1'], {
      budget: budget.register('own'),
      shards: { ...allZones(), close: () => Promise.reject(new Error('no server')) },
    });

    await expect(scheduler.close()).rejects.toThrow('no server');

    expect(scheduler.snapshot().state).toBe('closed');
    expect(budget.register('own').granted).toBe(1);
  });

  it('tells of shards that nobody owns', async () => {
    const { shards } = createShards(new Set([0]));
    const { scheduler } = setUp([], { shards });
    const alerts: string[] = [];
    scheduler.on('alert', ({ kind, level }) => alerts.push(`${kind} ${level}`));

    await scheduler.runCycle();
    await scheduler.runCycle();

    expect(alerts).toEqual(['coverage warning']);
  });
});

it('says nothing of shards that nobody owns while they are shared out for the first time', async () => {
  const group = { isSettling: true };
  const { shards } = createShards(new Set([0]), group);
  const { scheduler } = setUp([], { shards });
  const alerts: string[] = [];
  scheduler.on('alert', ({ kind, level, since }) => alerts.push(`${kind} ${level} ${since}`));

  for (let cycle = 1; cycle <= 3; cycle += 1) await scheduler.runCycle();
  expect(alerts).toEqual([]);
  group.isSettling = false;
  await scheduler.runCycle();
  await scheduler.runCycle();

  expect(alerts).toEqual(['coverage warning 4']);
});

describe('shards that never start', () => {
  function setUpHanging() {
    const { shards, calls } = createShards(new Set([0]));
    const start = (): Promise<void> => new Promise(() => undefined);
    const close = (): Promise<void> => {
      calls.push('close');
      return new Promise(() => undefined);
    };
    return { calls, ...setUp(['a1'], { shards: { ...shards, start, close } }) };
  }

  it('hold up `close()` no longer than it may wait, and what waits for them is rejected', async () => {
    const { clock, calls, scheduler, started } = setUpHanging();
    const starting = scheduler.start();
    const closing = scheduler.close({ timeoutMs: 500 });
    const outcomes = Promise.allSettled([starting, closing]);

    await clock.advance(2_000);

    expect(await outcomes).toMatchObject([
      { status: 'rejected', reason: { code: 'SCHEDULER_CLOSED' } },
      { status: 'fulfilled', value: { finished: 0, aborted: 0, zombies: [] } },
    ]);
    expect([calls, started]).toEqual([['close'], []]);
    expect(scheduler.snapshot().state).toBe('closed');
  });

  it('hold up a cycle by hand no longer', async () => {
    const { clock, scheduler } = setUpHanging();
    const cycle = scheduler.runCycle();
    const outcomes = Promise.allSettled([cycle, scheduler.close({ timeoutMs: 0 })]);

    await clock.advance(1_000);

    expect(await outcomes).toMatchObject([
      { status: 'rejected', reason: { code: 'SCHEDULER_CLOSED' } },
      { status: 'fulfilled' },
    ]);
  });
});
