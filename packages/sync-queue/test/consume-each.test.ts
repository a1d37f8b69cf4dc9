import { createGate } from '@holdfast/testkit';
import { expect, test } from 'vitest';
import { setUp } from './set-up.ts';

test('works on single items, as many at a time as concurrency says', async () => {
  const { queue, clock, store } = setUp();
  const gate = createGate();
  await queue.addMany(['a', 'b', 'c', 'd', 'e']);

  const consumer = queue.consumeEach(() => gate.pass(), { concurrency: 3 });
  await clock.advance(1);
  expect(gate.waiting()).toBe(3);
  expect(consumer.inFlight).toBe(3);
  gate.open();
  await clock.advance(1);

  expect(queue.snapshot()).toMatchObject({ acked: 5 });
  expect(store.calls.filter((call) => call === 'settle').length).toBeLessThan(5);
  await queue.close();
});

test('one slow item holds up no other', async () => {
  const { queue, clock } = setUp();
  const gate = createGate();
  await queue.addMany(['slow', 'a', 'b', 'c', 'd']);
  const seen: string[] = [];

  queue.consumeEach(
    async ({ value }) => {
      if (value === 'slow') await gate.pass();
      seen.push(value);
    },
    { concurrency: 2 },
  );
  await clock.advance(5);
  expect(seen).toEqual(['a', 'b', 'c', 'd']);
  gate.open();
  await clock.advance(5);

  expect(queue.snapshot()).toMatchObject({ acked: 5 });
  await queue.close();
});

test('what it resolves with is the outcome, and what it rejects with is retried', async () => {
  const { queue, clock, events } = setUp();
  await queue.addMany(['done', 'dead', 'broken', 'later']);
  const attempts: string[] = [];

  queue.consumeEach(
    ({ id, value, attempt }) => {
      attempts.push(`${value} ${attempt}`);
      if (attempt > 1) return Promise.resolve();
      if (value === 'dead') return Promise.resolve({ id, status: 'dead', reason: 'no use' });
      if (value === 'later') return Promise.resolve({ id, status: 'retry', afterMs: 500 });
      return value === 'broken' ? Promise.reject(new Error('x')) : Promise.resolve();
    },
    { concurrency: 4 },
  );
  await clock.advance(100);
  expect(attempts).toEqual(['done 1', 'dead 1', 'broken 1', 'later 1', 'broken 2']);
  await clock.advance(400);

  expect(attempts.at(-1)).toBe('later 2');
  expect(events).toMatchObject([['dead', { reason: 'no use' }]]);
  expect(queue.snapshot()).toMatchObject({ acked: 3, retried: 2, dead: 1 });
  await queue.close();
});

test('each item has a signal of its own, which aborts when its lease is lost', async () => {
  const { queue, clock, store } = setUp({ leaseMs: 900 });
  await queue.addMany(['a', 'b']);
  const reasons: unknown[] = [];
  store.fail('extend', 'before');

  const consumer = queue.consumeEach(
    (_delivery, { signal }) =>
      new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => {
          reasons.push(signal.reason);
          resolve();
        });
      }),
    { concurrency: 2 },
  );
  await clock.advance(1);
  void consumer.close();
  await clock.advance(1000);

  expect(reasons).toMatchObject([{ code: 'LEASE_LOST' }, { code: 'LEASE_LOST' }]);
  await queue.close();
});

test('a signal that is read late is aborted already', async () => {
  const { queue, clock, store } = setUp({ leaseMs: 900 });
  await queue.add('a');
  const gate = createGate();
  let isAborted: boolean | undefined;
  store.fail('extend', 'before');

  queue.consumeEach(async (_delivery, context) => {
    await gate.pass();
    isAborted ??= context.signal.aborted;
  });
  await clock.advance(1000);
  gate.open();
  await clock.advance(1);

  expect(isAborted).toBe(true);
  await queue.close();
});

test('a paused queue, key or priority is delivered when it is resumed', async () => {
  const { queue, clock } = setUp();
  const seen: string[] = [];
  queue.consumeEach(({ value }) => Promise.resolve(void seen.push(value)));
  await queue.pause();
  await queue.pause({ kind: 'key', key: 'k' });
  await queue.pause({ kind: 'priority', priority: 7 });
  await queue.addMany(['keyed', 'low', 'plain'], (value) => ({
    key: value === 'keyed' ? 'k' : undefined,
    priority: value === 'low' ? 7 : 3,
  }));
  await clock.advance(3000);
  expect(seen).toEqual([]);

  await queue.resume();
  await clock.advance(1);
  expect(seen).toEqual(['plain']);
  await queue.resume({ kind: 'key', key: 'k' });
  await queue.resume({ kind: 'priority', priority: 7 });
  await clock.advance(1);
  expect(seen).toEqual(['plain', 'keyed', 'low']);
  await queue.close();
});
