import { createFakeClock } from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import { ShardLease } from '../../src/postgres/lease.ts';
import { planMoves } from '../../src/postgres/plan-moves.ts';
import { Settling } from '../../src/postgres/settling.ts';
import { resolveShardsOptions } from '../../src/postgres/shard-options.ts';

const TIMES = { ttlMs: 15_000, renewMs: 5_000, safetyMs: 1_000 };

describe('the trust in a lease', () => {
  it('is anchored to when the request was sent, and ends one margin before the lease', async () => {
    const clock = createFakeClock();
    let expired = 0;
    const lease = new ShardLease(TIMES, clock, () => (expired += 1));
    const sentAtMs = clock.now();
    await clock.advance(3_000);
    lease.granted(sentAtMs);

    expect(lease.leftMs).toBe(11_000);
    expect(lease.untilRenewalMs).toBe(2_000);
    await clock.advance(10_999);
    expect(lease.isTrusted()).toBe(true);
    expect(expired).toBe(0);
    await clock.advance(1);
    expect(lease.isTrusted()).toBe(false);
    expect(expired).toBe(1);
  });

  it('is over by the clock alone, when no timer has run since', () => {
    let nowMs = 0;
    const clock = {
      now: () => nowMs,
      wallNow: () => 0,
      setTimer: () => ({ cancel: () => undefined }),
    };
    const lease = new ShardLease(TIMES, clock, () => undefined);
    lease.granted(0);
    nowMs = 14_000;

    expect(lease.isTrusted()).toBe(false);
    expect(lease.isExpired).toBe(true);
    expect(lease.leftMs).toBe(0);
  });

  it('has another instance after each end, which names the one before', () => {
    const lease = new ShardLease(TIMES, createFakeClock(), () => undefined);
    const { instance } = lease.identity;
    lease.end();
    expect(lease.identity.instance).toBe(instance);
    lease.granted(0);
    lease.end();

    expect(lease.identity).toMatchObject({ previous: instance });
    expect(lease.identity.instance).not.toBe(instance);
  });
});

describe('a set of members', () => {
  it('has settled when it was the same for long enough', () => {
    const settling = new Settling(100);

    expect(settling.see('a', 0)).toBe(false);
    expect(settling.see('a', 99)).toBe(false);
    expect(settling.see('a', 100)).toBe(true);
    expect(settling.see('a b', 110)).toBe(false);
  });

  it('counts as settled after three times as long, however often it changes', () => {
    const settling = new Settling(100);
    const seen = [0, 90, 180, 270, 300].map((nowMs) => settling.see(`set ${nowMs}`, nowMs));

    expect(seen).toEqual([false, false, false, false, true]);
  });
});

describe('what has to move', () => {
  const targets = ['a', 'a', 'b', 'b'];
  const state = {
    held: new Set([0, 2, 3]),
    draining: new Set<number>(),
    view: { members: [{ id: 'a' }, { id: 'b' }], unowned: 0, mine: new Map([[0, 1n]]) },
    isSettled: true,
    maxGiven: 4,
  };

  it('is given back when it is another one that should have it, and taken when it is ours', () => {
    expect(planMoves(targets, 'a', state)).toEqual({
      giveBack: [2, 3],
      take: [1],
      free: new Map(),
    });
  });

  it('is no more at a time than may be given', () => {
    const { giveBack } = planMoves(targets, 'a', { ...state, maxGiven: 1 });
    const draining = new Set([2]);
    const next = planMoves(targets, 'a', {
      ...state,
      held: new Set([0, 3]),
      draining,
      maxGiven: 1,
    });

    expect(giveBack).toEqual([2]);
    expect(next.giveBack).toEqual([]);
  });

  it('is only what was kept for us, until the members have settled', () => {
    const view = { ...state.view, mine: new Map([[1, 7n]]) };
    const unsettled = { ...state, held: new Set<number>(), view, isSettled: false };

    expect(planMoves(targets, 'a', unsettled)).toEqual({
      giveBack: [],
      take: [1],
      free: new Map(),
    });
  });

  it('is given back at once when it is ours for nobody knows what', () => {
    const view = { ...state.view, mine: new Map([[3, 7n]]) };

    expect(planMoves(targets, 'a', { ...state, held: new Set(), view }).free).toEqual(view.mine);
  });
});

describe('the options', () => {
  const createClient = (): never => {
    throw new Error('not asked for');
  };
  const options = { createClient, group: 'g' };

  it('are those of a lease of 15 s by default', () => {
    expect(resolveShardsOptions({ ...options, memberId: 'a' })).toMatchObject({
      ...{ shards: 1024, ttlMs: 15_000, renewMs: 5_000, safetyMs: 1_000, settleMs: 5_000 },
      ...{ rejoinGraceMs: 20_000, weight: 1, schema: 'holdfast_zones', mayInstall: true },
    });
    // Nobody can come back by a random name.
    expect(resolveShardsOptions(options).rejoinGraceMs).toBe(0);
  });

  it.each([
    [{ weight: 0 }, 'weight must be above 0, got 0'],
    [{ shards: 0 }, 'shards must be an integer from 1 to 65536, got 0'],
    [{ lease: { renewMs: 8_000 } }, 'lease.renewMs must be an integer from 10 to 7000, got 8000'],
    [{ schema: 'a.b' }, 'schema must be a plain name, got "a.b"'],
    [{ memberId: '' }, 'memberId must be a non-empty string, got ""'],
    [{ ttlMs: 5 }, /ttlMs is not an option of postgresShards/],
  ])('are refused when one is wrong: %j', (wrong, message) => {
    expect(() => resolveShardsOptions({ ...options, ...wrong })).toThrow(message);
  });
});
