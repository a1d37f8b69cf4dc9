import { createGate, watchLeaks } from '@holdfast/testkit';
import { describe, expect, it, vi } from 'vitest';
import { withDeadline } from '../../src/deadline.ts';
import type { CircuitOpenError } from '../../src/errors.ts';
import { memoryBreakerStore } from '../../src/shared/memory-breaker-store.ts';
import type { SharedCircuitBreakerOptions } from '../../src/shared/options.ts';
import { sharedCircuitBreaker } from '../../src/shared/shared-circuit-breaker.ts';
import { timeWindow } from '../../src/circuit-breaker/time-window.ts';
import {
  createFleet,
  fail,
  isAccountedFor,
  OPEN_MS,
  POLL_MS,
  succeed,
  type Fleet,
} from './fleet.ts';

function member(fleet: Fleet, n: number) {
  const breaker = fleet.members[n - 1];
  if (breaker === undefined) throw new Error(`there is no member ${n}`);
  return breaker;
}

const LIVE_MS = 3 * POLL_MS + 200;

/** Opened by the first member, seen by all. */
async function createOpenFleet(
  size: number,
  options: Partial<SharedCircuitBreakerOptions> = {},
): Promise<Fleet> {
  const fleet = await createFleet(size, options);
  await fail(member(fleet, 1));
  await fleet.clock.advance(POLL_MS);
  return fleet;
}

describe('an opening', () => {
  it('of one member is one for all, as soon as they have looked', async () => {
    await using fleet = await createFleet(3);

    await fail(member(fleet, 1));
    const others = fleet.states().slice(1);
    await fleet.clock.advance(POLL_MS);

    expect(others).toEqual(['closed', 'closed']);
    expect(fleet.states()).toEqual(['open', 'open', 'open']);
    expect(await succeed(member(fleet, 2))).toBe('CIRCUIT_OPEN');
    expect(fleet.log).toEqual([1, 2, 3].map((n) => `${n} closed->open tripped`));
  });

  it('tells how long it still lasts by the clock of the store', async () => {
    await using fleet = await createOpenFleet(2);

    const { error } = await member(fleet, 2).tryExecute(() => 1);

    expect(error).toMatchObject({ code: 'CIRCUIT_OPEN', policy: 'upstream' });
    expect((error as CircuitOpenError).retryAfterMs).toBe(OPEN_MS - POLL_MS);
  });

  it('S08: needs the majority, so that one sick member of 16 stops nobody, not even itself', async () => {
    await using fleet = await createFleet(16, { quorum: 'majority' });
    const votes: object[] = [];
    member(fleet, 16).on('vote', (vote) => votes.push(vote));

    await fail(member(fleet, 1));
    await fleet.clock.advance(POLL_MS);

    expect(new Set(fleet.states())).toEqual(new Set(['closed']));
    expect(await succeed(member(fleet, 1))).toBe('fine');
    expect(votes).toEqual([{ votes: 1, members: 16, needed: 9, isFallback: false }]);

    for (let n = 2; n <= 9; n += 1) await fail(member(fleet, n));
    await fleet.clock.advance(POLL_MS);

    expect(new Set(fleet.states())).toEqual(new Set(['open']));
  });

  it.each([1, 2])('needs one vote in a fleet of %i that is known to be so small', async (size) => {
    await using fleet = await createFleet(size, { quorum: 'majority' });
    const votes: object[] = [];
    member(fleet, 1).on('vote', (vote) => votes.push(vote));

    await fail(member(fleet, 1));
    await fleet.clock.advance(LIVE_MS - 1);
    const early = fleet.states();
    await fleet.clock.advance(2 * POLL_MS + 1);

    expect(new Set(early)).toEqual(new Set(['closed']));
    expect(new Set(fleet.states())).toEqual(new Set(['open']));
    expect(votes.slice(0, 2)).toEqual([
      { votes: 1, members: size, needed: 3, isFallback: false },
      { votes: 1, members: size, needed: 1, isFallback: true },
    ]);
  });

  it('S08: is not made by one sick member that is the first to start', async () => {
    await using fleet = await createFleet(1, { quorum: 'majority' });
    await fail(member(fleet, 1));
    await fleet.clock.advance(POLL_MS);
    for (let n = 2; n <= 5; n += 1) await fleet.join();

    await fleet.clock.advance(OPEN_MS);

    expect(new Set(fleet.states())).toEqual(new Set(['closed']));
    expect(member(fleet, 5).snapshot().gauges).toMatchObject({ votes: 1, members: 5 });
  });

  it.each([4, 60])(
    'S08: is not made by one sick member that is the first to find the store empty after %i s',
    async (seconds) => {
      await using fleet = await createFleet(1, { quorum: 'majority', random: () => 1 });
      for (const share of [0.9, 0.5, 0.1, 0]) await fleet.join({ random: () => share });
      fleet.store.mode = 'failing';
      await fleet.clock.advance(seconds * 1_000);
      Object.assign(fleet.store, memoryBreakerStore({ clock: fleet.clock }), { mode: 'up' });
      const first = await fleet.join({ openMs: 60_000 });
      await fail(first);

      for (let ms = 0; ms < 20_000; ms += POLL_MS) {
        await fleet.clock.advance(POLL_MS);
        expect((await fleet.store.read('upstream')).state).toBe('closed');
      }
      expect(first.snapshot().gauges).toMatchObject({ votes: 1, members: 6 });
    },
  );

  it('counts no vote that is older than the opening it came from', async () => {
    await using fleet = await createFleet(4, { quorum: 3, leaseMs: 1_000 });
    await fail(member(fleet, 1));
    await fleet.clock.advance(OPEN_MS + 1_000);
    await fail(member(fleet, 2));
    await fail(member(fleet, 3));

    await fleet.clock.advance(POLL_MS);

    expect(new Set(fleet.states())).toEqual(new Set(['closed']));
    expect(member(fleet, 4).snapshot().gauges).toMatchObject({ votes: 2, members: 4 });
  });

  it('withdraws the vote of a member whose own probe has succeeded', async () => {
    await using fleet = await createFleet(3, { quorum: 'majority' });
    await fail(member(fleet, 1));
    await fleet.clock.advance(OPEN_MS);

    await succeed(member(fleet, 1));
    await fail(member(fleet, 2));
    await fleet.clock.advance(POLL_MS);

    expect(fleet.states()).toEqual(['closed', 'closed', 'closed']);
  });

  it('lasts longer each time, for all members, and begins anew after a close', async () => {
    await using fleet = await createOpenFleet(2);
    const remaining = async (): Promise<number> => {
      const { remainingMs, openMs } = await fleet.store.read('upstream');
      expect(remainingMs).toBeLessThanOrEqual(openMs);
      return openMs;
    };
    const first = await remaining();
    await fleet.clock.advance(OPEN_MS);
    await fail(member(fleet, 2));
    await fleet.clock.advance(0);
    const second = await remaining();
    await fleet.clock.advance(2 * OPEN_MS);
    await succeed(member(fleet, 1));
    await fleet.clock.advance(POLL_MS);
    await fail(member(fleet, 2));
    await fleet.clock.advance(0);

    expect([first, second, await remaining()]).toEqual([OPEN_MS, 2 * OPEN_MS, OPEN_MS]);
  });

  it('lasts at least as long as the dependency has asked for', async () => {
    const classify = () => ({ retryAfterMs: 60_000 });
    await using fleet = await createOpenFleet(1, { classify });

    expect(await fleet.store.read('upstream')).toMatchObject({ openMs: 60_000 });
  });

  it('S09: is not ended by a member that is new', async () => {
    await using fleet = await createOpenFleet(1);

    const joined = await fleet.join();

    expect(joined.state).toBe('open');
    expect(await succeed(joined)).toBe('CIRCUIT_OPEN');
    await fleet.clock.advance(POLL_MS);
    expect(fleet.states()).toEqual(['open', 'open']);
  });
});

describe('half-open', () => {
  it('sends no more probes than the limit, whoever they are asked for by', async () => {
    await using fleet = await createOpenFleet(4, { halfOpen: { probes: 2, concurrent: 2 } });
    const gate = createGate();
    await fleet.clock.advance(OPEN_MS);

    const calls = fleet.members.flatMap((one) => [
      one.tryExecute(() => gate.pass()),
      one.tryExecute(() => gate.pass()),
    ]);
    await fleet.clock.advance(0);
    expect(gate.waiting()).toBe(2);
    gate.open();
    const outcomes = await Promise.all(calls);
    await fleet.clock.advance(POLL_MS);

    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(2);
    expect(new Set(fleet.states())).toEqual(new Set(['closed']));
    expect(fleet.members.map(isAccountedFor)).toEqual([true, true, true, true]);
    expect(fleet.members.reduce((sum, one) => sum + one.snapshot().counters.probes, 0)).toBe(2);
  });

  it('negative control: members that grant themselves leases exceed the limit', async () => {
    await using fleet = await createOpenFleet(4, { halfOpen: { probes: 2, concurrent: 2 } });
    const gate = createGate();
    fleet.store.lease = async (circuit) => ({
      ...(await fleet.store.read(circuit)),
      isGranted: true,
    });
    await fleet.clock.advance(OPEN_MS);

    const calls = fleet.members.map((one) => one.tryExecute(() => gate.pass()));
    await fleet.clock.advance(0);

    expect(gate.waiting()).toBeGreaterThan(2);
    gate.open();
    await Promise.all(calls);
  });

  it('S05: a probe that was sent before a reopening changes nothing', async () => {
    await using fleet = await createOpenFleet(2, { halfOpen: { probes: 2, concurrent: 2 } });
    const gate = createGate();
    await fleet.clock.advance(OPEN_MS);
    const slow = member(fleet, 1).tryExecute(() => gate.pass());
    await fleet.clock.advance(0);
    await fail(member(fleet, 2));
    await fleet.clock.advance(0);

    gate.open();
    await slow;
    await fleet.clock.advance(0);

    expect(await fleet.store.read('upstream')).toMatchObject({ state: 'open', opens: 2 });
  });

  it('counts a probe as failed when it has not settled in time, while its process lives', async () => {
    await using fleet = await createOpenFleet(1, { leaseMs: 3_000, storeTimeoutMs: 200 });
    const gate = createGate();
    await fleet.clock.advance(OPEN_MS - POLL_MS);
    const hung = member(fleet, 1).tryExecute(() => gate.pass());

    await fleet.clock.advance(2_799);
    const before = member(fleet, 1).state;
    await fleet.clock.advance(1);
    const after = member(fleet, 1).state;
    gate.open();
    await hung;

    expect([before, after]).toEqual(['half-open', 'open']);
    expect(member(fleet, 1).snapshot().counters).toMatchObject({ probes: 1, stale: 1 });
  });

  it('S07: waits for the lease of a prober that died, and no longer', async () => {
    await using fleet = await createOpenFleet(1, { leaseMs: 3_000 });
    await fleet.clock.advance(OPEN_MS - POLL_MS);
    const { version } = await fleet.store.read('upstream');
    const request = { token: 'dead', leaseMs: 3_000, expectedVersion: version };
    await fleet.store.lease('upstream', { ...request, probes: 1, concurrent: 1 });

    const early = await succeed(member(fleet, 1));
    await fleet.clock.advance(3_000);
    const next = await succeed(member(fleet, 1));

    expect([early, next]).toEqual(['CIRCUIT_OPEN', 'fine']);
  });

  it('asks the store once for many calls that it will refuse', async () => {
    await using fleet = await createOpenFleet(2);
    const gate = createGate();
    await fleet.clock.advance(OPEN_MS);
    const probe = member(fleet, 1).tryExecute(() => gate.pass());
    await fleet.clock.advance(0);

    const calls = await Promise.all(Array.from({ length: 100 }, () => succeed(member(fleet, 2))));

    expect(new Set(calls)).toEqual(new Set(['CIRCUIT_OPEN']));
    expect(fleet.store.sent.lease).toBeLessThanOrEqual(2);
    gate.open();
    await probe;
  });

  it('gives the lease of a call back that was aborted while it asked', async () => {
    await using fleet = await createOpenFleet(1);
    await fleet.clock.advance(OPEN_MS);
    const abort = new AbortController();
    const work = vi.fn();
    const leaks = watchLeaks({ signals: [abort.signal] });

    const call = member(fleet, 1).tryExecute(work, { signal: abort.signal });
    abort.abort(new Error('gone'));
    const { error } = await call;
    await fleet.clock.advance(0);

    expect(error).toBe(abort.signal.reason);
    expect(work).not.toHaveBeenCalled();
    expect(await fleet.store.read('upstream')).toMatchObject({ state: 'half-open', leases: 0 });
    expect(isAccountedFor(member(fleet, 1))).toBe(true);
    await leaks.assertNone();
  });

  it('takes an abort by the caller of a probe for no verdict', async () => {
    await using fleet = await createOpenFleet(1);
    await fleet.clock.advance(OPEN_MS);
    const abort = new AbortController();
    const call = member(fleet, 1).tryExecute(() => new Promise(() => undefined), {
      signal: abort.signal,
    });
    await fleet.clock.advance(0);

    abort.abort();
    await call;
    await fleet.clock.advance(0);

    expect(await fleet.store.read('upstream')).toMatchObject({ state: 'half-open', leases: 0 });
    expect(member(fleet, 1).snapshot().counters).toMatchObject({ ignored: 1, probes: 1 });
  });
});

describe('a close', () => {
  it('makes all members forget what they had counted', async () => {
    const trip = timeWindow({ minimumCalls: 2, failureRate: 1 });
    await using fleet = await createFleet(2, { trip });
    await fail(member(fleet, 2));
    await fail(member(fleet, 1));
    await fail(member(fleet, 1));
    await fleet.clock.advance(OPEN_MS);
    await succeed(member(fleet, 1));
    await fleet.clock.advance(POLL_MS);

    await fail(member(fleet, 2));
    await fleet.clock.advance(POLL_MS);

    expect(fleet.states()).toEqual(['closed', 'closed']);
    expect(member(fleet, 2).snapshot().gauges).toMatchObject({ windowCalls: 1, votes: 0 });
  });
});

describe('while the store is down (S06)', () => {
  for (const mode of ['failing', 'hanging'] as const) {
    it(`${mode}: calls go on, each member protects itself, and it is told once`, async () => {
      await using fleet = await createFleet(2);
      fleet.store.mode = mode;
      await fleet.clock.advance(10 * POLL_MS);

      const results = [await succeed(member(fleet, 1)), await fail(member(fleet, 1))];
      results.push(await succeed(member(fleet, 1)), await succeed(member(fleet, 2)));

      expect(results).toEqual(['fine', 'failed', 'CIRCUIT_OPEN', 'fine']);
      expect(fleet.states()).toEqual(['open', 'closed']);
      expect(fleet.log).toEqual(['1 store down', '2 store down', '1 closed->open tripped']);
    });
  }

  it('asks it less and less often', async () => {
    await using fleet = await createFleet(1);
    fleet.store.mode = 'failing';
    await fleet.clock.advance(POLL_MS);
    const before = fleet.store.sent.sync;

    await fleet.clock.advance(100 * POLL_MS);

    expect(fleet.store.sent.sync - before).toBeLessThan(70);
  });

  it('goes on with the shared opening, and adopts it again afterwards', async () => {
    await using fleet = await createOpenFleet(2, { openMs: 60_000 });
    fleet.store.mode = 'failing';
    await fleet.clock.advance(2 * POLL_MS);
    const down = [...fleet.states(), await succeed(member(fleet, 2))];
    fleet.store.mode = 'up';
    await fleet.clock.advance(10 * POLL_MS);

    expect(down).toEqual(['open', 'open', 'CIRCUIT_OPEN']);
    expect(fleet.states()).toEqual(['open', 'open']);
    expect(fleet.log.filter((line) => line.includes('store')).sort()).toEqual([
      '1 store down',
      '1 store up',
      '2 store down',
      '2 store up',
    ]);
  });

  it('adopts an opening that it has missed', async () => {
    await using fleet = await createFleet(1, { openMs: 60_000 });
    fleet.store.mode = 'failing';
    await fleet.clock.advance(2 * POLL_MS);
    fleet.store.mode = 'up';
    await fleet.store.sync('upstream', {
      member: 'other',
      liveMs: 10_000,
      voteMs: 10_000,
      quorum: 'any',
      expectedVersion: 0,
      openMs: 60_000,
    });

    await fleet.clock.advance(10 * POLL_MS);

    expect(fleet.states()).toEqual(['open']);
    expect(fleet.log.at(-1)).toBe('1 closed->open adopted');
  });

  it('a store that has lost its data learns of the opening by its votes', async () => {
    await using fleet = await createOpenFleet(3, { quorum: 'any', openMs: 60_000 });
    const empty = memoryBreakerStore({ clock: fleet.clock });
    fleet.store.mode = 'failing';
    await fleet.clock.advance(2 * POLL_MS);
    Object.assign(fleet.store, empty, { mode: 'up' });

    await fleet.clock.advance(10 * POLL_MS);

    expect(await empty.read('upstream')).toMatchObject({ state: 'open', members: 3 });
    expect(fleet.states()).toEqual(['open', 'open', 'open']);
  });

  it('a call waits for a lease no longer than storeTimeoutMs, then goes by its own circuit', async () => {
    await using fleet = await createOpenFleet(1, { storeTimeoutMs: 300, pollMs: 60_000 });
    await fleet.clock.advance(OPEN_MS);
    fleet.store.mode = 'hanging';

    let result = 'waits';
    void succeed(member(fleet, 1)).then((value) => (result = value));
    await fleet.clock.advance(299);
    const before = result;
    await fleet.clock.advance(1);

    expect([before, result]).toEqual(['waits', 'fine']);
    expect(isAccountedFor(member(fleet, 1))).toBe(true);
    expect(fleet.log).toContain('1 store down');
  });

  it('protects from the start when it was never there', async () => {
    await using fleet = await createFleet(0);
    fleet.store.mode = 'failing';
    const breaker = await fleet.join();

    expect(await breaker.ready()).toBe(false);
    expect([await fail(breaker), await succeed(breaker)]).toEqual(['failed', 'CIRCUIT_OPEN']);
    expect(breaker.snapshot()).toMatchObject({ store: 'down', counters: { storeDowns: 1 } });
  });
});

describe('sharedCircuitBreaker', () => {
  it('sends nothing to the store for calls while it is closed', async () => {
    await using fleet = await createFleet(1);
    const before = { ...fleet.store.sent };

    for (let n = 0; n < 1_000; n += 1) await succeed(member(fleet, 1));

    expect(fleet.store.sent).toEqual(before);
  });

  it('isolates this process and no other', async () => {
    await using fleet = await createFleet(2);

    const release = member(fleet, 1).isolate();
    const isolated = [await succeed(member(fleet, 1)), await succeed(member(fleet, 2))];
    release();
    release();

    expect(isolated).toEqual(['CIRCUIT_ISOLATED', 'fine']);
    expect(await succeed(member(fleet, 1))).toBe('fine');
    expect(fleet.log).toEqual(['1 closed->isolated isolated', '1 isolated->closed released']);
  });

  it('after close() is no member, holds no lease and no timer, and protects by itself', async () => {
    const fleet = await createOpenFleet(3, { openMs: 1_500 });
    const gate = createGate();
    await fleet.clock.advance(1_500);
    const probe = member(fleet, 1).tryExecute(() => gate.pass());
    await fleet.clock.advance(0);

    await Promise.all([member(fleet, 1).close(), member(fleet, 1).close()]);
    const view = await fleet.store.read('upstream');
    gate.open();
    await probe;

    expect(view).toMatchObject({ state: 'half-open', leases: 0, members: 2 });
    expect(member(fleet, 1).snapshot()).toMatchObject({ store: 'closed', counters: { stale: 1 } });
    expect(await fail(member(fleet, 1))).toBe('failed');
    expect(await succeed(member(fleet, 1))).toBe('CIRCUIT_OPEN');
    await fleet[Symbol.asyncDispose]();
    expect(fleet.clock.pending()).toBe(0);
  });

  it('is not stopped by the deadline of the call that it was created in', async () => {
    await using fleet = await createFleet(0);

    const breaker = await withDeadline(100, () => fleet.join(), { clock: fleet.clock });
    await fleet.clock.advance(5 * POLL_MS);

    expect(breaker.snapshot()).toMatchObject({ store: 'up', counters: { storeDowns: 0 } });
  });

  it('counts every call once, whatever becomes of it', async () => {
    await using fleet = await createFleet(2, { halfOpen: { probes: 2, concurrent: 2 } });
    const one = member(fleet, 1);
    const abort = new AbortController();
    abort.abort();
    await succeed(one);
    await one.tryExecute(() => 1, { signal: abort.signal });
    await fail(one);
    await fleet.clock.advance(POLL_MS);
    await succeed(one);
    await fleet.clock.advance(OPEN_MS);
    await Promise.all([succeed(one), succeed(one), fail(one)]);
    await fleet.clock.advance(OPEN_MS);

    expect(one.snapshot().counters).toMatchObject({ calls: 7, aborted: 1 });
    expect(isAccountedFor(one)).toBe(true);
  });

  it.each([
    [{ name: '' }, 'name must be'],
    [{ store: {} }, 'store.sync must be'],
    [{ quorum: 0 }, 'quorum must be'],
    [{ quorum: 'most' }, 'quorum must be'],
    [{ pollMs: 1 }, 'pollMs must be'],
    [{ leaseMs: 200 }, 'leaseMs must be'],
    [{ leaseMs: 500, halfOpen: { maxWaitMs: 400 } }, 'halfOpen.maxWaitMs must be'],
    [{ storeTimeoutMs: 0 }, 'storeTimeoutMs must be'],
    [{ member: '' }, 'member must be'],
    [{ mode: 'off' }, 'mode must be'],
    [{ rampMs: 1 }, 'rampMs must be'],
  ])('refuses %j', (wrong, message) => {
    const options = { name: 'x', store: memoryBreakerStore(), ...wrong };

    expect(() => sharedCircuitBreaker(options as never)).toThrow(message);
  });
});
