import assert from 'node:assert/strict';
import {
  create,
  deferred,
  failTimes,
  halfOpened,
  ignores,
  notFound,
  OPEN_MS,
  passes,
} from './breaker-steps.ts';
import { hang, observe, settle, settledWithin, type Row } from './row.ts';

/** How a circuit recovers. */
export const RECOVERY_ROWS: readonly Row[] = [
  {
    id: 'B06',
    behaviour: 'after the wait a successful probe closes',
    run: async (session) => {
      const breaker = await halfOpened(session);
      assert.equal(await passes(session, breaker), true);
      assert.equal(breaker.state, 'closed');
    },
  },
  {
    id: 'B07',
    behaviour: 'a failed probe opens again, for the whole wait',
    run: async (session) => {
      const breaker = await halfOpened(session);
      await failTimes(session, breaker, 1);
      await session.clock.advance(OPEN_MS - 1);
      assert.equal(await passes(session, breaker), false);
      await session.clock.advance(1);
      assert.equal(await passes(session, breaker), true);
    },
  },
  {
    id: 'B08',
    behaviour: '100 concurrent calls in half-open: one runs',
    run: async (session) => {
      const breaker = await halfOpened(session);
      let calls = 0;
      for (let n = 0; n < 100; n += 1) observe(breaker.execute(() => ((calls += 1), hang())));
      await session.clock.advance(0);
      assert.equal(calls, 1);
    },
  },
  {
    id: 'B09',
    behaviour: 'a hung probe: another caller settles within 5 waits',
    run: async (session) => {
      const breaker = await halfOpened(session);
      observe(breaker.execute(hang));
      await settledWithin(session, observe(breaker.execute(() => 1)), 5 * OPEN_MS);
    },
  },
  {
    id: 'B10',
    behaviour: 'a hung probe: the breaker recovers by itself within 10 waits',
    run: async (session) => {
      const breaker = await halfOpened(session);
      observe(breaker.execute(hang));
      await session.clock.advance(10 * OPEN_MS);
      assert.equal(await passes(session, breaker), true);
      assert.equal(breaker.state, 'closed');
    },
  },
  {
    id: 'B11',
    behaviour: 'the late success of a call from before does not close half-open',
    run: async (session) => {
      const breaker = create(session);
      const late = deferred();
      const call = observe(breaker.execute(() => late.promise));
      await failTimes(session, breaker, 4);
      await session.clock.advance(OPEN_MS);
      observe(breaker.execute(hang));
      late.resolve('late');
      await settledWithin(session, call, 0);
      assert.notEqual(breaker.state, 'closed');
    },
  },
  {
    id: 'B12',
    behaviour: 'late failures of calls from before do not reopen a recovered circuit',
    run: async (session) => {
      const breaker = create(session);
      const late = deferred();
      const calls = Array.from({ length: 10 }, () => observe(breaker.execute(() => late.promise)));
      await failTimes(session, breaker, 4);
      await session.clock.advance(OPEN_MS);
      assert.equal(await passes(session, breaker), true);
      late.reject(new Error('late'));
      for (const call of calls) await settledWithin(session, call, 0);
      assert.equal(breaker.state, 'closed');
    },
  },
  {
    id: 'B14',
    behaviour: 'an ignored error in half-open does not close',
    run: async (session) => {
      const breaker = await halfOpened(session, { ignores });
      await settle(session, breaker.execute(notFound));
      assert.notEqual(breaker.state, 'closed');
    },
  },
  {
    id: 'B21',
    behaviour: 'an aborted caller settles while the probe is in flight',
    run: async (session) => {
      const breaker = await halfOpened(session);
      observe(breaker.execute(hang));
      const controller = new AbortController();
      const call = observe(breaker.execute(() => 1, controller.signal));
      await session.clock.advance(0);
      controller.abort();
      await settledWithin(session, call, OPEN_MS);
    },
  },
  {
    id: 'B26',
    behaviour: 'the counts are forgotten after a recovery: one failure does not open it again',
    run: async (session) => {
      const breaker = await halfOpened(session);
      await passes(session, breaker);
      await failTimes(session, breaker, 1);
      assert.equal(await passes(session, breaker), true);
    },
  },
  {
    id: 'B27',
    behaviour: 'the state alone shows half-open when the wait is over',
    run: async (session) => {
      assert.equal((await halfOpened(session)).state, 'half-open');
    },
  },
  {
    id: 'B30',
    behaviour: '4 probes: four are admitted, two refused, and an abandoned one makes room',
    run: async (session) => {
      const breaker = await halfOpened(session, { probes: 4 });
      let calls = 0;
      const controller = new AbortController();
      for (let n = 0; n < 6; n += 1) {
        observe(
          breaker.execute(() => ((calls += 1), hang()), n === 2 ? controller.signal : undefined),
        );
      }
      await session.clock.advance(0);
      assert.equal(calls, 4);
      controller.abort();
      await session.clock.advance(0);
      observe(breaker.execute(() => ((calls += 1), hang())));
      await session.clock.advance(0);
      assert.equal(calls, 5);
    },
  },
  {
    id: 'B32',
    behaviour: 'the wait doubles from 1 s to 2 s, and is 1 s again after a recovery',
    run: async (session) => {
      const breaker = await halfOpened(session, { openMs: 1_000, growth: 2 });
      await failTimes(session, breaker, 1);
      await session.clock.advance(1_000);
      assert.equal(await passes(session, breaker), false);
      await session.clock.advance(1_000);
      assert.equal(await passes(session, breaker), true);
      await failTimes(session, breaker, 4);
      await session.clock.advance(1_000);
      assert.equal(await passes(session, breaker), true);
    },
  },
  {
    id: 'B33',
    behaviour: 'the third opening in a row waits for four times as long',
    run: async (session) => {
      const breaker = await halfOpened(session, { openMs: 1_000, growth: 2 });
      await failTimes(session, breaker, 1);
      await session.clock.advance(2_000);
      await failTimes(session, breaker, 1);
      await session.clock.advance(3_999);
      assert.equal(await passes(session, breaker), false);
      await session.clock.advance(1);
      assert.equal(await passes(session, breaker), true);
    },
  },
  {
    id: 'B37',
    behaviour: '1 000 waiting callers are not released in one turn by one good probe',
    run: async (session) => {
      const breaker = await halfOpened(session);
      const probe = deferred();
      observe(breaker.execute(() => probe.promise));
      let running = 0;
      for (let n = 0; n < 1_000; n += 1) observe(breaker.execute(() => ((running += 1), hang())));
      probe.resolve(1);
      await session.clock.advance(0);
      assert.ok(running < 100, `${running} calls at once`);
    },
  },
];
