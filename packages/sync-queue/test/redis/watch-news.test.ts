import { createDeferred, type Deferred } from '@holdfast/internal';
import type { Demand } from '@holdfast/sync-queue';
import type { RedisLike } from '@holdfast/sync-queue/redis';
import { createFakeClock, type FakeClock } from '@holdfast/testkit';
import { expect, test } from 'vitest';
import type { BlockingRedis } from '../../src/redis/run-script.ts';
import { watchNews } from '../../src/redis/watch-news.ts';

/*
 * On a connection that does what the test says; those on a real server are in the tests of wake-ups.
 */

interface Connection {
  readonly calls: { readonly command: string; readonly answer: Deferred<unknown> }[];
  isOpen: boolean;
  /** Its other end is gone: nothing tells so. */
  isHalfOpen: boolean;
}

interface Bench {
  readonly clock: FakeClock;
  /** In the order in which they were made. */
  readonly connections: readonly Connection[];
  readonly told: () => number;
  readonly end: () => Promise<void>;
}

function watch(demand?: Demand): Bench {
  const clock = createFakeClock();
  const connections: Connection[] = [];
  let told = 0;
  const client: RedisLike = {
    callBuffer: () => Promise.reject(new Error('it blocks')),
    duplicate() {
      const connection: Connection = { calls: [], isOpen: true, isHalfOpen: false };
      connections.push(connection);
      return blockingOf(connection);
    },
  };
  const end = watchNews(client, { key: 'news', onNews: () => (told += 1), demand, clock });
  return { clock, connections, told: () => told, end };
}

/** As ioredis: what has no answer fails when the connection ends, and what comes then fails at once. */
function blockingOf(connection: Connection): BlockingRedis {
  return {
    on: () => undefined,
    disconnect() {
      connection.isOpen = false;
      if (connection.isHalfOpen) return;
      for (const { answer } of connection.calls) answer.reject(new Error('Connection is closed.'));
    },
    callBuffer(command) {
      const answer = createDeferred<unknown>();
      connection.calls.push({ command, answer });
      if (!connection.isOpen) answer.reject(new Error('Connection is closed.'));
      return answer.promise;
    },
  };
}

test.each([{ isHalfOpen: false }, { isHalfOpen: true }])(
  'a connection that is silent for longer than a call waits is given up for another one, half-open: $isHalfOpen',
  async ({ isHalfOpen }) => {
    const { clock, connections, end } = watch();
    await clock.advance(6999);
    connections[0]!.isHalfOpen = isHalfOpen;
    expect(connections).toMatchObject([{ isOpen: true, calls: [{ command: 'BLPOP' }] }]);

    await clock.advance(1);
    await clock.advance(200);

    expect(connections).toMatchObject([
      { isOpen: false },
      { isOpen: true, calls: [{ command: 'BLPOP' }] },
    ]);
    await end();
  },
);

test('a token that cannot be put back gives its connection up as well', async () => {
  const demand = { isIdle: () => false, untilIdle: () => Promise.resolve() };
  const { clock, connections, told, end } = watch(demand);
  await clock.advance(0);
  connections[0]!.calls[0]!.answer.resolve([Buffer.from('news'), Buffer.from('1')]);

  await clock.advance(7000);

  expect(connections).toHaveLength(2);
  // Whoever is here looks at least.
  expect(told()).toBe(1);
  await end();
});

test('a watch that ends makes no other connection, however long the last one takes to close', async () => {
  const { clock, connections, end } = watch();
  await clock.advance(5000);
  connections[0]!.isHalfOpen = true;

  const ending = end();
  await clock.advance(5000);
  connections[0]!.calls[0]!.answer.reject(new Error('Connection is closed.'));
  await ending;

  expect(connections).toHaveLength(1);
  expect(clock.pending()).toBe(0);
});

test('a connection that answers in time is kept', async () => {
  const { clock, connections, end } = watch();
  for (let call = 0; call < 5; call += 1) {
    await clock.advance(5000);
    connections[0]!.calls.at(-1)!.answer.resolve(null);
  }
  await clock.advance(0);

  expect(connections).toHaveLength(1);
  expect(connections[0]!.calls).toHaveLength(6);
  await end();
});

test('a watch that has ended while it waited leaves no timer and no connection behind', async () => {
  const { clock, connections, end } = watch();
  await clock.advance(0);

  await end();

  expect(clock.pending()).toBe(0);
  expect(connections).toMatchObject([{ isOpen: false }]);
});

test('a watch that ends while nobody is idle asks for nothing and tells nothing', async () => {
  const untilIdle = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve());
    });
  const { clock, connections, told, end } = watch({ isIdle: () => false, untilIdle });
  await clock.advance(60_000);

  await end();

  expect(connections).toMatchObject([{ isOpen: false, calls: [] }]);
  expect(told()).toBe(0);
  expect(clock.pending()).toBe(0);
});

test('a token that comes when nobody is idle any more is put back', async () => {
  const demand = { isIdle: () => false, untilIdle: () => Promise.resolve() };
  const { clock, connections, told, end } = watch(demand);
  await clock.advance(0);

  connections[0]!.calls[0]!.answer.resolve([Buffer.from('news'), Buffer.from('1')]);
  await clock.advance(0);

  expect(connections[0]!.calls.map(({ command }) => command)).toEqual(['BLPOP', 'RPUSH']);
  expect(told()).toBe(0);
  await end();
});
