import { createFakeClock, type FakeClock } from '@holdfast/testkit';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Lease, LeaseEvents, LeaseOptions, Leases } from '../src/leases/lease-contract.ts';
import { createLeases } from '../src/leases/leases.ts';
import type { PgPoolLike } from '../src/ports.ts';

interface Asked {
  readonly kind: 'acquire' | 'renew' | 'release' | 'releaseAttempt';
  readonly atMs: number;
  readonly values: unknown[];
  answer(rows: object[]): void;
  fail(error: Error): void;
  isDestroyed(): boolean;
}

/** How the server answers by itself; undefined: the test answers, or nobody. */
type Script = (asked: Asked) => object[] | Error | undefined;

const MINE = { isMine: true, token: '7' };
const TTL_MS = 1_000;
/** `TTL_MS` less the margin. */
const TRUST_MS = 985;

let clock: FakeClock;
let asked: Asked[];
let script: Script;
let events: [keyof LeaseEvents, LeaseEvents[keyof LeaseEvents]][];
let isPoolHanging: boolean;
let leases: Leases;

function kindOf(text: string): Asked['kind'] {
  if (text.startsWith('WITH')) return 'acquire';
  if (text.includes('$3::float8')) return 'renew';
  return text.includes('attempt = $2') ? 'releaseAttempt' : 'release';
}

const pool: PgPoolLike = {
  connect() {
    if (isPoolHanging) return new Promise(() => undefined);
    let isDestroyed = false;
    return Promise.resolve({
      query: (text: string, values: unknown[] = []) =>
        new Promise<never>((resolve, reject) => {
          const one: Asked = {
            kind: kindOf(text),
            atMs: clock.now(),
            values,
            answer: (rows) => resolve({ rows } as never),
            fail: reject,
            isDestroyed: () => isDestroyed,
          };
          asked.push(one);
          const answer = script(one);
          if (answer instanceof Error) one.fail(answer);
          else if (answer !== undefined) one.answer(answer);
        }),
      release: (error) => void (isDestroyed = error === true),
      on: () => undefined,
      removeListener: () => undefined,
    });
  },
};

const willing: Script = ({ kind }) => (kind === 'acquire' ? [MINE] : [{}]);

function acquire(options: LeaseOptions = {}): Promise<Lease> {
  return leases.acquireLease('key', { ttlMs: TTL_MS, ...options });
}

function timesOf(kind: Asked['kind']): number[] {
  return asked.filter((one) => one.kind === kind).map(({ atMs }) => Math.round(atMs));
}

beforeEach(() => {
  clock = createFakeClock();
  asked = [];
  events = [];
  script = willing;
  isPoolHanging = false;
  leases = createLeases({
    pool,
    namespace: 'test',
    clock,
    random: () => 0.5,
    emit: (event, payload) => events.push([event, payload]),
  });
});

describe('renewal', () => {
  it('comes every third of the ttl, and ends with the release', async () => {
    const lease = await acquire();
    await clock.advance(TTL_MS);
    const remainingMs = lease.remainingMs();
    await lease.release();
    await clock.advance(TTL_MS);

    expect(timesOf('renew')).toEqual([333, 667, 1_000]);
    expect(remainingMs).toBe(TRUST_MS);
    expect(lease.signal.aborted).toBe(false);
    expect(clock.pending()).toBe(0);
    expect(events.map(([event]) => event)).toEqual([
      'leaseAcquired',
      ...Array.from({ length: 3 }, () => 'leaseRenewed'),
      'leaseReleased',
    ]);
    expect(leases.snapshot()).toMatchObject({
      acquired: 1,
      renewed: 3,
      released: 1,
      lost: 0,
      held: 0,
    });
  });

  it('anchors the trust to when it was sent, so that a slow answer cannot stretch it', async () => {
    const lease = await acquire();
    script = () => undefined;
    await clock.advance(333.4);
    await clock.advance(300);
    asked.at(-1)?.answer([{}]);
    await clock.advance(0);

    expect(timesOf('renew')).toEqual([333]);
    expect(lease.remainingMs()).toBeCloseTo(TRUST_MS - 300, 0);
  });

  it('is tried again with a back-off while the trust lasts, and the lease is lost when it ends', async () => {
    const down = new Error('no connection');
    const lease = await acquire();
    script = () => down;
    await clock.advance(TRUST_MS - 1);
    const { aborted } = lease.signal;
    await clock.advance(1);

    const times = timesOf('renew');
    const gaps = times.slice(1).map((time, index) => time - times[index]!);
    expect(times[0]).toBe(333);
    expect(times.length).toBeGreaterThan(5);
    expect(Math.min(...gaps)).toBeGreaterThan(30);
    expect(aborted).toBe(false);
    expect(lease.signal.reason).toMatchObject({
      code: 'LOCK_LOST',
      reason: 'expired',
      cause: down,
    });
    expect(events.at(-1)).toEqual([
      'leaseLost',
      { key: 'test/key', token: 7n, error: lease.signal.reason as Error },
    ]);
    expect(clock.pending()).toBe(0);
    expect(leases.snapshot()).toMatchObject({ lost: 1, held: 0, renewalsFailed: times.length });
  });

  it('goes on as before when one has failed', async () => {
    const lease = await acquire();
    script = () => new Error('once');
    await clock.advance(334);
    script = willing;
    await clock.advance(2 * TTL_MS);

    expect(lease.signal.aborted).toBe(false);
    expect(leases.snapshot()).toMatchObject({ renewalsFailed: 1, lost: 0 });
    await lease.release();
  });

  it('loses the lease when the trust ends though the pool hangs', async () => {
    const lease = await acquire();
    isPoolHanging = true;
    await clock.advance(TRUST_MS);

    expect(lease.signal.reason).toMatchObject({
      code: 'LOCK_LOST',
      cause: { code: 'LEASE_REQUEST_TIMEOUT' },
    });
    expect(lease.remainingMs()).toBe(0);
    expect(timesOf('renew')).toEqual([]);
  });

  it('is given up after its own time-out, and its connection destroyed', async () => {
    await acquire({ requestTimeoutMs: 100 });
    script = () => undefined;
    await clock.advance(334 + 100);
    const [, first] = asked;
    script = willing;
    await clock.advance(100);

    expect(first?.isDestroyed()).toBe(true);
    expect(leases.snapshot()).toMatchObject({ renewalsFailed: 1, renewed: 1, lost: 0 });
  });

  it('never runs twice at a time', async () => {
    const lease = await acquire();
    script = () => undefined;
    const both = [lease.renew(), lease.renew()];
    await clock.advance(332);
    const sent = timesOf('renew');
    script = willing;
    asked.at(-1)?.answer([{}]);
    await Promise.all(both);

    expect(sent).toEqual([0]);
    await lease.release();
  });

  it('cannot bring the lease back with an answer that comes when the trust has ended', async () => {
    const lease = await acquire({ requestTimeoutMs: TTL_MS });
    script = () => undefined;
    await clock.advance(TRUST_MS - 1);
    const renewing = lease.renew();
    const renewed = renewing.catch((error: unknown) => error);
    await clock.advance(1);
    asked.at(-1)?.answer([{}]);

    expect(await renewed).toBe(lease.signal.reason);
    await expect(lease.renew()).rejects.toBe(lease.signal.reason);
    expect(leases.snapshot()).toMatchObject({ renewed: 0, lost: 1 });
  });

  it('tells at once when the server says that the lease is not ours', async () => {
    const lease = await acquire();
    script = () => [];
    await clock.advance(334);

    expect(lease.signal.reason).toMatchObject({ code: 'LOCK_LOST', reason: 'taken' });
    expect(clock.pending()).toBe(0);
  });

  it('does not come by itself when renew is false, but when asked for', async () => {
    const lease = await acquire({ renew: false });
    await clock.advance(500);
    await lease.renew();
    await clock.advance(TRUST_MS - 1);
    const { aborted } = lease.signal;
    await clock.advance(1);

    expect(timesOf('renew')).toEqual([500]);
    expect(aborted).toBe(false);
    expect(lease.signal.aborted).toBe(true);
  });

  it('stops after maxHoldMs, and the lease ends', async () => {
    const lease = await acquire({ maxHoldMs: 900 });
    await clock.advance(5 * TTL_MS);

    expect(timesOf('renew')).toEqual([333, 667]);
    expect(lease.signal.reason).toMatchObject({ code: 'LOCK_LOST', reason: 'expired' });
    expect(clock.pending()).toBe(0);
  });
});

describe('an acquire', () => {
  it('is none when its answer comes after the trust has ended: it is given back and tried again', async () => {
    // The process was frozen between the answer and the look at it, so no time-out has run.
    let nowMs = 0;
    const some = createLeases({
      pool,
      namespace: 'test',
      clock: { ...clock, now: () => nowMs },
      random: () => 0.5,
    });
    script = () => undefined;
    const acquiring = some.acquireLease('key', { ttlMs: TTL_MS });
    await clock.advance(0);
    nowMs = TRUST_MS;
    script = ({ kind }) => (kind === 'acquire' ? [{ isMine: true, token: '9' }] : [{}]);
    asked[0]?.answer([MINE]);
    await clock.advance(0);
    nowMs += 100;
    await clock.advance(100);
    const lease = await acquiring;

    expect(lease.token).toBe(9n);
    expect(asked.map(({ kind, values }) => [kind, values[1]])).toEqual([
      ['acquire', expect.anything()],
      ['release', '7'],
      ['acquire', expect.anything()],
    ]);
  });

  it('that gets no answer is given back by the name of the attempt, until it was found', async () => {
    script = ({ kind }) => (kind === 'acquire' ? undefined : []);
    const acquiring = acquire({ wait: 'try', requestTimeoutMs: 100 });
    const failed = acquiring.catch((error: unknown) => error);
    await clock.advance(100);
    const [first] = asked;
    // It was on its way, and is applied only now.
    script = () => [{}];
    await clock.advance(TTL_MS);

    expect(await failed).toMatchObject({
      code: 'LOCK_TIMEOUT',
      holder: undefined,
      cause: { code: 'LEASE_REQUEST_TIMEOUT' },
    });
    expect(first?.isDestroyed()).toBe(true);
    const given = asked.filter(({ kind }) => kind === 'releaseAttempt');
    expect(given.map(({ values }) => values[1])).toEqual([first?.values[2], first?.values[2]]);
    await leases.idle();
  });

  it('rejects with what the driver says, and gives it back when it may have been applied', async () => {
    const verdict = Object.assign(new Error('no'), { code: '42501', severity: 'ERROR' });
    const cut = new Error('Connection terminated unexpectedly');
    script = ({ kind }) => (kind === 'acquire' ? verdict : [{}]);
    await expect(acquire()).rejects.toBe(verdict);
    const afterVerdict = asked.length;
    script = ({ kind }) => (kind === 'acquire' ? cut : [{}]);
    await expect(acquire()).rejects.toBe(cut);
    await leases.idle();

    expect(afterVerdict).toBe(1);
    expect(asked.map(({ kind }) => kind)).toEqual(['acquire', 'acquire', 'releaseAttempt']);
  });

  it('waits as long as the server says, but looks every quarter of a second', async () => {
    const held = { isMine: false, token: '6', holder: 'other', sinceMs: 0 };
    script = ({ kind, atMs }) => {
      if (kind !== 'acquire') return [{}];
      return atMs < 800 ? [{ ...held, remainingMs: 800 - atMs }] : [MINE];
    };
    const lease = await Promise.all([acquire(), clock.advance(2_000)]).then(([one]) => one);

    const times = timesOf('acquire');
    expect(times.slice(0, 5)).toEqual([0, 188, 375, 563, 750]);
    expect(times.slice(5)).toEqual([820]);
    expect(lease.token).toBe(7n);
    await lease.release();
  });

  it('looks a last time when the wait is over', async () => {
    script = () => [{ isMine: false, token: '6', holder: 'other', sinceMs: 0, remainingMs: 9_000 }];
    const failed = acquire({ wait: 200 }).catch((error: unknown) => error);
    await clock.advance(200);

    expect(await failed).toMatchObject({
      code: 'LOCK_TIMEOUT',
      waitedMs: 200,
      holder: { holder: 'other' },
    });
    expect(timesOf('acquire')).toEqual([0, 188, 200]);
    expect(clock.pending()).toBe(0);
  });
});

describe('a release', () => {
  it('that fails is told, and tried again in the background', async () => {
    const lease = await acquire();
    const cut = new Error('cut');
    let failures = 2;
    script = () => (failures-- > 0 ? cut : [{}]);
    await expect(lease.release()).rejects.toBe(cut);
    await clock.advance(TTL_MS);
    await leases.idle();

    expect(timesOf('release')).toHaveLength(3);
    expect(leases.snapshot()).toMatchObject({ releasesFailed: 1, held: 0 });
  });

  it('is not waited for after a loss', async () => {
    const running = leases.withLease(
      'key',
      async (lease) => {
        script = () => undefined;
        await clock.advance(TRUST_MS);
        expect(lease.signal.aborted).toBe(true);
      },
      { ttlMs: TTL_MS },
    );

    await expect(running).rejects.toMatchObject({ code: 'LOCK_LOST' });
    expect(timesOf('release')).toEqual([TRUST_MS]);
  });
});
