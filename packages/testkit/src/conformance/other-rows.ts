import assert from 'node:assert/strict';
import { deferred } from './breaker-steps.ts';
import { need, type Session } from './library.ts';
import { fail, hang, observe, settle, settledWithin, type Row } from './row.ts';

/** Timeouts. */
export const TIMEOUT_ROWS: readonly Row[] = [
  {
    id: 'T01',
    behaviour: 'settles at the deadline although the work ignores the signal',
    run: async (session) => {
      const call = observe(need(session.timeout?.bind(session))(50)(hang));
      await session.clock.advance(50);
      assert.equal(call.isSettled, true);
    },
  },
  {
    id: 'T02',
    behaviour: 'the signal of the work is aborted at the deadline',
    run: async (session) => {
      let seen: AbortSignal | undefined;
      observe(need(session.timeout?.bind(session))(50)((signal) => ((seen = signal), hang())));
      await session.clock.advance(50);
      assert.equal(seen?.aborted, true);
    },
  },
  {
    id: 'T03',
    behaviour: 'the signal is not aborted after a success',
    run: async (session) => {
      let seen: AbortSignal | undefined;
      await settle(
        session,
        need(session.timeout?.bind(session))(50)((signal) => ((seen = signal), 1)),
      );
      await session.clock.advance(100);
      assert.equal(seen?.aborted, false);
    },
  },
  {
    id: 'T04',
    behaviour: "a caller's abort rejects with its reason, and is no timeout",
    run: async (session) => {
      let timeouts = 0;
      const controller = new AbortController();
      const execute = need(session.timeout?.bind(session))(50, {
        onTimeout: () => (timeouts += 1),
      });
      const call = observe(execute(hang, controller.signal));
      await session.clock.advance(10);
      const reason = new Error('reason');
      controller.abort(reason);
      await settledWithin(session, call, 100);
      assert.deepEqual([call.error === reason, timeouts], [true, 0]);
    },
  },
  {
    id: 'T05',
    behaviour: 'the error says how long it waited',
    run: async (session) => {
      const call = observe(need(session.timeout?.bind(session))(50)(hang));
      await settledWithin(session, call, 100);
      assert.match((call.error as Error).message, /\b50\s*ms/);
    },
  },
  {
    id: 'T06',
    behaviour: 'a late rejection after a timeout is not unhandled',
    run: async (session) => {
      const unhandled: unknown[] = [];
      const listen = (error: unknown): void => void unhandled.push(error);
      process.on('unhandledRejection', listen);
      try {
        const work = deferred();
        const call = observe(need(session.timeout?.bind(session))(50)(() => work.promise));
        await settledWithin(session, call, 100);
        work.reject(new Error('late'));
        await session.clock.advance(10);
        await new Promise((resolve) => setImmediate(resolve));
        assert.deepEqual(unhandled, []);
      } finally {
        process.off('unhandledRejection', listen);
      }
    },
  },
  {
    id: 'T08',
    behaviour: 'one timeout does not abort a healthy call beside it',
    run: async (session) => {
      const execute = need(session.timeout?.bind(session))(50);
      let healthy: AbortSignal | undefined;
      observe(execute(hang));
      await session.clock.advance(30);
      const call = observe(execute((signal) => ((healthy = signal), hang())));
      await session.clock.advance(20);
      assert.deepEqual([call.isSettled, healthy?.aborted], [false, false]);
    },
  },
  {
    id: 'T09',
    behaviour: 'of two timeouts the shorter one ends the call',
    run: async (session) => {
      const create = need(session.timeout?.bind(session));
      const compose = need(session.compose?.bind(session));
      for (const [outer, inner] of [
        [50, 1_000],
        [1_000, 50],
      ] as const) {
        const call = observe(compose(create(outer), create(inner))(hang));
        await session.clock.advance(50);
        assert.equal(call.isSettled, true);
      }
    },
  },
];

/** Bulkheads. */
export const BULKHEAD_ROWS: readonly Row[] = [
  {
    id: 'K01',
    behaviour: 'limit 2, queue 1: the fourth call is rejected at once',
    run: async (session) => {
      const execute = need(session.bulkhead?.bind(session))(2, 1);
      for (let n = 0; n < 3; n += 1) observe(execute(hang));
      assert.ok(
        (
          await settle(
            session,
            execute(() => 1),
          )
        ).error instanceof Error,
      );
    },
  },
  {
    id: 'K02',
    behaviour: 'an accepted call is never rejected later',
    run: async (session) => {
      const execute = need(session.bulkhead?.bind(session))(1, 1);
      const work = deferred();
      observe(execute(() => work.promise));
      const queued = observe(execute(() => 'ran'));
      work.resolve(1);
      for (let n = 0; n < 5; n += 1) queueMicrotask(() => observe(execute(hang)));
      await session.clock.advance(10);
      assert.equal(queued.value, 'ran');
    },
  },
  {
    id: 'K03',
    behaviour: 'a later arrival never overtakes a queued call',
    run: async (session) => {
      const execute = need(session.bulkhead?.bind(session))(1, 5);
      const order: string[] = [];
      const work = deferred();
      observe(execute(() => work.promise));
      observe(execute(() => order.push('queued')));
      work.resolve(1);
      // One in each of the next microtasks: one of them comes just when the place is free.
      let turn = Promise.resolve();
      for (let n = 0; n < 10; n += 1) {
        turn = turn.then(() => void observe(execute(() => order.push('later'))));
      }
      await session.clock.advance(10);
      assert.equal(order[0], 'queued');
    },
  },
  ...(['outside', 'inside'] as const).map((place) => ({
    id: place === 'outside' ? 'K05' : 'K05b',
    behaviour: `real concurrency never exceeds the limit though calls time out, the bulkhead ${place}`,
    run: async (session: Session): Promise<void> => {
      const limit = need(session.bulkhead?.bind(session))(2, 0);
      const timed = need(session.timeout?.bind(session))(10);
      const compose = need(session.compose?.bind(session));
      const execute = place === 'outside' ? compose(limit, timed) : compose(timed, limit);
      let running = 0;
      for (let n = 0; n < 16; n += 1) {
        observe(execute(() => ((running += 1), hang())));
        await session.clock.advance(10);
      }
      assert.equal(running, 2);
    },
  })),
];

/** Fallbacks. */
export const FALLBACK_ROWS: readonly Row[] = [
  {
    id: 'F01',
    behaviour: 'not used on success; on failure it gets the error',
    run: async (session) => {
      const errors: unknown[] = [];
      const execute = need(session.fallback?.bind(session))(
        (error) => (errors.push(error), 'instead'),
      );
      assert.equal(
        (
          await settle(
            session,
            execute(() => 1),
          )
        ).value,
        1,
      );
      assert.equal((await settle(session, execute(fail))).value, 'instead');
      assert.deepEqual(
        errors.map((error) => (error as Error).message),
        ['down'],
      );
    },
  },
  {
    id: 'F02',
    behaviour: 'called once when a timeout and a late rejection both happen',
    run: async (session) => {
      let calls = 0;
      const instead = need(session.fallback?.bind(session))(() => (calls += 1));
      const timed = need(session.timeout?.bind(session))(10);
      const work = deferred();
      const call = observe(
        need(session.compose?.bind(session))(instead, timed)(() => work.promise),
      );
      await settledWithin(session, call, 50);
      work.reject(new Error('late'));
      await session.clock.advance(10);
      assert.equal(calls, 1);
    },
  },
  {
    id: 'F03',
    behaviour: 'a fallback that throws rejects',
    run: async (session) => {
      const execute = need(session.fallback?.bind(session))(() => {
        throw new Error('no fallback either');
      });
      assert.ok((await settle(session, execute(fail))).error instanceof Error);
    },
  },
];
