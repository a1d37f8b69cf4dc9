import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Clock } from '@holdfast/internal';
import { describe, expect, it } from 'vitest';
import { remaining, withDeadline } from '../../src/deadline.ts';
import type { SharedCircuitBreaker } from '../../src/shared/contract.ts';
import type { BreakerStore } from '../../src/shared/store.ts';
import { createFleet, fail, OPEN_MS, POLL_MS, succeed, type Fleet } from './fleet.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const request = new AsyncLocalStorage<object>();

/** A timer of the platform keeps the asynchronous context of whoever has set it; a fake one does not by itself. */
function likeThePlatform(clock: Clock): Clock {
  return {
    now: () => clock.now(),
    wallNow: () => clock.wallNow(),
    setTimer: (fn, delayMs, options) => clock.setTimer(AsyncResource.bind(fn), delayMs, options),
  };
}

interface Seen {
  readonly what: string;
  readonly request: object | undefined;
  readonly remainingMs: number;
}

/** Notes the context that the commands to the store run in, and the listeners of every member. */
function watchContext(fleet: Fleet): {
  seen: Seen[];
  listen(this: void, breaker: SharedCircuitBreaker): void;
} {
  const seen: Seen[] = [];
  const note = (what: string): void => {
    seen.push({ what, request: request.getStore(), remainingMs: remaining(fleet.clock) });
  };
  const inner: BreakerStore = { ...fleet.store };
  Object.assign(fleet.store, {
    sync(...args: Parameters<BreakerStore['sync']>) {
      note('sync');
      return inner.sync(...args);
    },
    lease(...args: Parameters<BreakerStore['lease']>) {
      note('lease');
      return inner.lease(...args);
    },
    settle(...args: Parameters<BreakerStore['settle']>) {
      note('settle');
      return inner.settle(...args);
    },
  });
  return {
    seen,
    listen(breaker) {
      breaker.on('transition', ({ to }) => note(`transition to ${to}`));
      breaker.on('store', ({ ok }) => note(`store ${ok ? 'up' : 'down'}`));
    },
  };
}

async function outage(fleet: Fleet): Promise<void> {
  fleet.store.mode = 'failing';
  await fleet.clock.advance(2 * POLL_MS);
  fleet.store.mode = 'up';
  await fleet.clock.advance(4 * POLL_MS);
}

describe('the asynchronous context of the reports', () => {
  it('is not that of the call that has caused one', async () => {
    await using fleet = await createFleet(0);
    const clock = likeThePlatform(fleet.clock);
    const breaker = await fleet.join({ clock, openMs: 60_000 });
    const { seen, listen } = watchContext(fleet);
    listen(breaker);

    await request.run({}, () => withDeadline(60_000, () => fail(breaker), { clock: fleet.clock }));
    await outage(fleet);

    expect(new Set(seen.map(({ what }) => what))).toEqual(
      new Set(['sync', 'transition to open', 'store down', 'store up']),
    );
    for (const one of seen)
      expect(one).toMatchObject({ request: undefined, remainingMs: Infinity });
  });

  it('is not that of whoever has created the breaker', async () => {
    await using fleet = await createFleet(0);
    const clock = likeThePlatform(fleet.clock);
    const { seen, listen } = watchContext(fleet);

    await request.run({}, () =>
      withDeadline(60_000, async () => listen(await fleet.join({ clock })), { clock: fleet.clock }),
    );
    await outage(fleet);

    expect(new Set(seen.map(({ what }) => what))).toEqual(
      new Set(['sync', 'store down', 'store up']),
    );
    for (const one of seen)
      expect(one).toMatchObject({ request: undefined, remainingMs: Infinity });
  });

  it('keeps nothing of either in memory', async () => {
    await using fleet = await createFleet(0);
    const clock = likeThePlatform(fleet.clock);
    const during = async (fn: () => Promise<unknown>): Promise<WeakRef<object>> => {
      const store = {};
      await request.run(store, fn);
      return new WeakRef(store);
    };

    const creation = await during(() => fleet.join({ clock, openMs: 60_000 }));
    const call = await during(() => Promise.all(fleet.members.map(fail)));
    await fleet.clock.advance(5 * POLL_MS);
    collect();

    expect(fleet.states()).toEqual(['open']);
    expect([creation.deref(), call.deref()]).toEqual([undefined, undefined]);
  });
});

it('a probe asks for its lease in the context of its call, but not by its deadline', async () => {
  await using fleet = await createFleet(0);
  const breaker = await fleet.join();
  await fail(breaker);
  await fleet.clock.advance(OPEN_MS);
  const { seen } = watchContext(fleet);
  const own = {};

  const result = await request.run(own, () =>
    withDeadline(60_000, () => succeed(breaker), { clock: fleet.clock }),
  );

  expect(result).toBe('fine');
  expect(seen).toEqual([
    { what: 'lease', request: own, remainingMs: Infinity },
    { what: 'settle', request: own, remainingMs: Infinity },
  ]);
});
