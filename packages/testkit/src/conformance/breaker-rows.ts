import assert from 'node:assert/strict';
import {
  create,
  deferred,
  failTimes,
  ignores,
  notFound,
  opened,
  OPEN_MS,
  passes,
} from './breaker-steps.ts';
import { need } from './library.ts';
import { fail, observe, settle, settledWithin, type Row } from './row.ts';

/** How a circuit opens, and what it does while it is open. */
export const BREAKER_ROWS: readonly Row[] = [
  {
    id: 'B01',
    behaviour: 'closed: the value passes through',
    run: async (session) => {
      const { value } = await settle(
        session,
        create(session).execute(() => 7),
      );
      assert.equal(value, 7);
    },
  },
  {
    id: 'B02',
    behaviour: '3 failures, at least 4 calls: stays closed',
    run: async (session) => {
      const breaker = create(session);
      await failTimes(session, breaker, 3);
      assert.equal(await passes(session, breaker), true);
    },
  },
  {
    id: 'B03',
    behaviour: 'the 4th failure opens; the next call is rejected and not made',
    run: async (session) => {
      const breaker = await opened(session);
      let calls = 0;
      const { error } = await settle(
        session,
        breaker.execute(() => (calls += 1)),
      );
      assert.equal(breaker.isRejection(error), true);
      assert.equal(calls, 0);
    },
  },
  {
    id: 'B04',
    behaviour: 'a rejection carries the remaining wait',
    run: async (session) => {
      const breaker = await opened(session);
      await session.clock.advance(20);
      const { error } = await settle(
        session,
        breaker.execute(() => 1),
      );
      assert.equal(breaker.retryAfterMs(error), OPEN_MS - 20);
    },
  },
  {
    id: 'B05',
    behaviour: '20 concurrent failures open it once',
    run: async (session) => {
      const breaker = create(session);
      const calls = Array.from({ length: 20 }, () => observe(breaker.execute(fail)));
      for (const call of calls) await settledWithin(session, call, 0);
      assert.equal(breaker.openings, 1);
    },
  },
  {
    id: 'B13',
    behaviour: 'an ignored error is neutral: 3 failed, 9 ignored, 1 failed opens',
    run: async (session) => {
      const breaker = create(session, { ignores });
      await failTimes(session, breaker, 3);
      for (let n = 0; n < 9; n += 1) await settle(session, breaker.execute(notFound));
      await failTimes(session, breaker, 1);
      assert.equal(breaker.state, 'open');
    },
  },
  {
    id: 'B15',
    behaviour: 'a listener that throws does not change a success',
    run: async (session) => {
      const breaker = create(session);
      need(breaker.onSuccess?.bind(breaker))(() => {
        throw new Error('listener');
      });
      const { value } = await settle(
        session,
        breaker.execute(() => 'fine'),
      );
      assert.equal(value, 'fine');
    },
  },
  {
    id: 'B16',
    behaviour: 'a synchronous throw becomes a rejection and counts',
    run: async (session) => {
      const breaker = create(session);
      for (let n = 0; n < 4; n += 1) {
        const call = breaker.execute(() => {
          throw new Error('at once');
        });
        assert.equal(((await settle(session, call)).error as Error).message, 'at once');
      }
      assert.equal(breaker.state, 'open');
    },
  },
  {
    id: 'B17',
    behaviour: 'a function that returns undefined succeeds',
    run: async (session) => {
      const { error } = await settle(
        session,
        create(session).execute(() => undefined),
      );
      assert.equal(error, undefined);
    },
  },
  {
    id: 'B18',
    behaviour: 'a bad value is returned and counted',
    run: async (session) => {
      const breaker = create(session, { failsOn: (value) => value === 503 });
      for (let n = 0; n < 4; n += 1) {
        assert.equal(
          (
            await settle(
              session,
              breaker.execute(() => 503),
            )
          ).value,
          503,
        );
      }
      assert.equal(breaker.state, 'open');
    },
  },
  {
    id: 'B19',
    behaviour: '100 successes, three idle windows, 6 failures: opens',
    run: async (session) => {
      const breaker = create(session);
      for (let n = 0; n < 100; n += 1)
        await settle(
          session,
          breaker.execute(() => n),
        );
      await session.clock.advance(30_000);
      await failTimes(session, breaker, 6);
      assert.equal(breaker.state, 'open');
    },
  },
  {
    id: 'B20',
    behaviour: '3 failures, three idle windows, 1 failure: stays closed',
    run: async (session) => {
      const breaker = create(session);
      await failTimes(session, breaker, 3);
      await session.clock.advance(30_000);
      await failTimes(session, breaker, 1);
      assert.equal(await passes(session, breaker), true);
    },
  },
  {
    id: 'B22',
    behaviour: 'a signal that was aborted before: the work is not called',
    run: async (session) => {
      let calls = 0;
      const call = create(session).execute(() => (calls += 1), AbortSignal.abort());
      await settle(session, call);
      assert.equal(calls, 0);
    },
  },
  {
    id: 'B23',
    behaviour:
      'save and restore keep the remaining wait, also of a breaker that has lived for long',
    run: async (session) => {
      const breaker = create(session, { openMs: 1_000 });
      await session.clock.advance(60_000);
      await failTimes(session, breaker, 4);
      await session.clock.advance(400);
      const restored = create(session, { openMs: 1_000 }, need(breaker.save?.bind(breaker))());
      await session.clock.advance(500);
      assert.equal(await passes(session, restored), false);
      await session.clock.advance(100);
      assert.equal(await passes(session, restored), true);
    },
  },
  {
    id: 'B24',
    behaviour: 'isolating an open circuit and releasing it leaves it open',
    run: async (session) => {
      const breaker = await opened(session);
      need(breaker.isolate?.bind(breaker))()();
      assert.equal(await passes(session, breaker), false);
    },
  },
  {
    id: 'B28',
    behaviour: '3 of 5 calls slower than 4 s open it at more than half',
    run: async (session) => {
      const breaker = create(session, { slow: { overMs: 4_000, rate: 0.51, size: 5 } });
      for (const ms of [1, 1, 5_000, 5_000, 5_000]) {
        const work = deferred();
        const call = observe(breaker.execute(() => work.promise));
        await session.clock.advance(ms);
        work.resolve(1);
        await settledWithin(session, call, 0);
      }
      assert.equal(breaker.state, 'open');
    },
  },
  {
    id: 'B29',
    behaviour: 'exactly at the threshold opens: 2 of 4 at 50 %',
    run: async (session) => {
      const breaker = create(session);
      for (const work of [() => 1, () => 1, fail, fail])
        await settle(session, breaker.execute(work));
      assert.equal(breaker.state, 'open');
    },
  },
  {
    id: 'B34',
    behaviour: 'shadow mode never rejects, and tells once what it would have done',
    run: async (session) => {
      const breaker = await opened(session, { isShadow: true });
      assert.deepEqual(
        [await passes(session, breaker), await passes(session, breaker)],
        [true, true],
      );
      assert.equal(need(breaker.wouldRejects?.bind(breaker))(), 1);
    },
  },
  {
    id: 'B35',
    behaviour: 'two holds isolate until both are released; releasing twice is harmless',
    run: async (session) => {
      const breaker = create(session);
      const isolate = need(breaker.isolate?.bind(breaker));
      const [first, second] = [isolate(), isolate()];
      first();
      first();
      assert.equal(await passes(session, breaker), false);
      second();
      assert.equal(await passes(session, breaker), true);
    },
  },
  {
    id: 'B38',
    behaviour: 'the stack of a rejection does not grow over 1 000 rejections',
    run: async (session) => {
      const breaker = await opened(session);
      const stackOf = async (): Promise<number> => {
        let length = 0;
        let { error } = await settle(
          session,
          breaker.execute(() => 1),
        );
        for (; error instanceof Error; error = error.cause) length += error.stack?.length ?? 0;
        return length;
      };
      const first = await stackOf();
      for (let n = 0; n < 1_000; n += 1)
        await settle(
          session,
          breaker.execute(() => 1),
        );
      assert.equal(await stackOf(), first);
    },
  },
];
