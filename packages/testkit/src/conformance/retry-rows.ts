import assert from 'node:assert/strict';
import { need, type Execute, type RetrySpec, type Session } from './library.ts';
import { fail, observe, settledWithin, type Row } from './row.ts';

const MINUTE = 60_000;

function create(session: Session, spec: Partial<RetrySpec> = {}): Execute {
  return need(session.retry?.bind(session))({ attempts: 4, baseMs: 10, factor: 1, ...spec });
}

/** Runs `execute` on work that fails `failures` times; when each call was made. */
async function callsOf(
  session: Session,
  execute: Execute,
  failures = Infinity,
): Promise<{ readonly at: readonly number[]; readonly value: unknown; readonly error: unknown }> {
  const at: number[] = [];
  const startedMs = session.clock.now();
  const call = observe(
    execute(() => {
      at.push(session.clock.now() - startedMs);
      return at.length <= failures ? Promise.reject(new Error(`error ${at.length}`)) : 'value';
    }),
  );
  const { value, error } = await settledWithin(session, call, MINUTE);
  return { at, value, error };
}

/** What retries and their waits do, and what an abort does to them. */
export const RETRY_ROWS: readonly Row[] = [
  {
    id: 'R01',
    behaviour: '3 retries are 4 calls; the last error surfaces',
    run: async (session) => {
      const { at, error } = await callsOf(session, create(session));
      assert.equal(at.length, 4);
      assert.equal((error as Error).message, 'error 4');
    },
  },
  {
    id: 'R02',
    behaviour: 'success at the third call gives its value',
    run: async (session) => {
      const { at, value } = await callsOf(session, create(session), 2);
      assert.deepEqual([at.length, value], [3, 'value']);
    },
  },
  {
    id: 'R03',
    behaviour: 'not retryable: one call',
    run: async (session) => {
      const { at } = await callsOf(session, create(session, { retries: () => false }));
      assert.equal(at.length, 1);
    },
  },
  {
    id: 'R04',
    behaviour: 'an abort at 10 ms in a wait of 500 ms settles within 50 ms',
    run: async (session) => {
      const controller = new AbortController();
      const call = observe(create(session, { baseMs: 500 })(fail, controller.signal));
      await session.clock.advance(10);
      controller.abort();
      await session.clock.advance(50);
      assert.equal(call.isSettled, true);
    },
  },
  {
    id: 'R05',
    behaviour: 'no call begins after an abort',
    run: async (session) => {
      const controller = new AbortController();
      let calls = 0;
      observe(create(session, { baseMs: 500 })(() => ((calls += 1), fail()), controller.signal));
      await session.clock.advance(10);
      controller.abort();
      await session.clock.advance(MINUTE);
      assert.equal(calls, 1);
    },
  },
  {
    id: 'R06',
    behaviour: 'aborted before: no call',
    run: async (session) => {
      let calls = 0;
      const call = observe(create(session)(() => (calls += 1), AbortSignal.abort()));
      await settledWithin(session, call, MINUTE);
      assert.equal(calls, 0);
    },
  },
  {
    id: 'R07',
    behaviour: 'an abort rejects with its reason',
    run: async (session) => {
      const controller = new AbortController();
      const call = observe(create(session, { baseMs: 500 })(fail, controller.signal));
      await session.clock.advance(10);
      const reason = new Error('reason');
      controller.abort(reason);
      const { error } = await settledWithin(session, call, MINUTE);
      assert.equal(error, reason);
    },
  },
  {
    id: 'R10',
    behaviour: 'a TypeError is retried when the classifier says so',
    run: async (session) => {
      let calls = 0;
      const call = create(session, { retries: () => true })(() => {
        calls += 1;
        throw new TypeError('x is not a function');
      });
      await settledWithin(session, observe(call), MINUTE);
      assert.equal(calls, 4);
    },
  },
  {
    id: 'R11',
    behaviour: '100 ms in all bound 1 000 retries of 20 ms',
    run: async (session) => {
      const spec = { attempts: 1_000, baseMs: 20, maxElapsedMs: 100 };
      const { at } = await callsOf(session, create(session, spec));
      assert.ok((at.at(-1) ?? Infinity) <= 100, `the last call was at ${at.at(-1)}`);
      assert.equal(at.length > 1, true);
    },
  },
  {
    id: 'R12',
    behaviour: 'Retry-After of 2 s wins over a back-off of 100 ms',
    run: async (session) => {
      const spec = { attempts: 2, baseMs: 100, retryAfterMs: () => 2_000 };
      const { at } = await callsOf(session, create(session, spec));
      assert.deepEqual(at, [0, 2_000]);
    },
  },
  {
    id: 'R13',
    behaviour: 'exponent 3, base 100, no jitter: waits of 100, 300, 900 and 2 700 ms',
    run: async (session) => {
      const { at } = await callsOf(
        session,
        create(session, { attempts: 5, baseMs: 100, factor: 3 }),
      );
      assert.deepEqual(at, [0, 100, 400, 1_300, 4_000]);
    },
  },
];
