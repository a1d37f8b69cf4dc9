import { createDeferred, nextTurn } from '@holdfast/internal';
import {
  createQueue,
  type Consumer,
  type Queue,
  type QueueOptions,
  type QueueStore,
} from '@holdfast/sync-queue';
import { redisStore, type RedisLike } from '@holdfast/sync-queue/redis';
import { startFaultProxy, startRedisServer } from '@holdfast/testkit';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';

/** Of its own, so that whoever waits there is one of these queues. */
let server: Awaited<ReturnType<typeof startRedisServer>>;
const clients: Redis[] = [];

beforeAll(async () => {
  server = await startRedisServer();
});
afterAll(async () => {
  for (const client of clients) client.disconnect();
  await server[Symbol.asyncDispose]();
});

function createClient(connectionName?: string): Redis {
  const client = new Redis(server.url, { connectionName });
  clients.push(client);
  return client;
}

/** Waits until so many consumers wait for news. */
async function untilIdle(count: number): Promise<void> {
  const client = createClient();
  const isSo = async (): Promise<boolean> =>
    (await client.info('clients')).includes(`blocked_clients:${count}\r`);
  while (!(await isSo())) await nextTurn();
}

/** Waits until the consumers of one process wait for news. */
async function untilWaiting(connectionName: string): Promise<void> {
  const client = createClient();
  const isWaiting = new RegExp(`name=${connectionName} .*flags=b `);
  while (!isWaiting.test(String(await client.client('LIST')))) await nextTurn();
}

/** A queue as another process has it. Nobody looks by itself before the test is over: `pollMs` is longer than that. */
const POLL_MS = 120_000;

function open(name: string, options: Partial<QueueOptions<string>> = {}): Queue<string> {
  const queue = createQueue<string>({
    name,
    store: redisStore({ client: createClient() }),
    limits: { maxCount: 100, maxBytes: 10_000 },
    overflow: 'reject',
    ...options,
  });
  onTestFinished(() => queue.close());
  return queue;
}

function storeOf(connectionName: string): QueueStore {
  return redisStore({ client: createClient(connectionName) });
}

/** Calls go another way, so that the connection for news alone can die. */
function onlyNewsThrough(client: Redis): RedisLike {
  const direct = createClient();
  return {
    callBuffer: (command, ...args) => direct.callBuffer(command, ...args),
    duplicate: (...args: []) => client.duplicate(...args),
  };
}

/** Takes one item and holds it until the test is over. */
function holdOne(queue: Queue<string>, held: string[], onHeld: () => void): Consumer {
  const over = createDeferred<void>();
  const consumer = queue.consume(
    async ([delivery]) => {
      held.push(delivery!.value);
      onHeld();
      await over.promise;
    },
    { maxBatch: 1, pollMs: POLL_MS },
  );
  onTestFinished(() => over.resolve());
  return consumer;
}

test('whoever has all that it can take wakes another one for what is left', async () => {
  const held: string[] = [];
  const all = createDeferred<void>();
  const onHeld = (): void => {
    if (held.length === 3) all.resolve();
  };
  const queues = ['a', 'b', 'c'].map(() => open('left'));
  for (const queue of queues) holdOne(queue, held, onHeld);
  await untilIdle(3);

  // One token for all of them.
  await open('left').addMany(['1', '2', '3']);

  await all.promise;
  expect(held.toSorted()).toEqual(['1', '2', '3']);
});

test.each(['another process', 'it'])(
  'a process that is busy with what %s has added leaves what comes to one that is idle',
  async (adder) => {
    const name = `busy with ${adder}`;
    const busy = open(name, { store: storeOf(`busy-${adder.length}`) });
    const idle = open(name, { store: storeOf(`idle-${adder.length}`) });
    const others = open(name);
    const [heldByBusy, heldByIdle]: [string[], string[]] = [[], []];
    const [isBusy, isDone] = [createDeferred<void>(), createDeferred<void>()];
    holdOne(busy, heldByBusy, () => isBusy.resolve());
    await untilWaiting(`busy-${adder.length}`);
    await (adder === 'it' ? busy : others).add('1');
    await isBusy.promise;
    holdOne(idle, heldByIdle, () => isDone.resolve());
    await untilWaiting(`idle-${adder.length}`);

    await others.add('2');

    await isDone.promise;
    expect([heldByBusy, heldByIdle]).toEqual([['1'], ['2']]);
  },
);

test('a process that is busy does not ask for news that it would have to hand on', async () => {
  const [busy, others, admin] = [open('asking'), open('asking'), createClient()];
  const isBusy = createDeferred<void>();
  holdOne(busy, [], () => isBusy.resolve());
  await untilIdle(1);
  await others.add('1');
  await isBusy.promise;
  await untilIdle(0);
  await others.add('2');

  const asked = async (): Promise<string | undefined> =>
    /cmdstat_blpop:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1];
  const before = await asked();
  for (let look = 0; look < 50; look += 1) expect(await asked()).toBe(before);
});

test('a process that was busy is told again when it is idle', async () => {
  const [busy, others] = [open('again', { store: storeOf('again') }), open('again')];
  const done: string[] = [];
  let onDone = createDeferred<void>();
  busy.consumeEach(
    async ({ value }) => {
      done.push(value);
      onDone.resolve();
      return Promise.resolve();
    },
    { pollMs: POLL_MS },
  );

  for (const value of ['1', '2', '3']) {
    await untilWaiting('again');
    onDone = createDeferred();
    await others.add(value);
    await onDone.promise;
  }
  expect(done).toEqual(['1', '2', '3']);
});

test('a connection for news that died without a word is made anew', async () => {
  await using proxy = await startFaultProxy(server);
  const client = new Redis(proxy.urlFor(server.url), { connectionName: 'dying' });
  client.on('error', () => undefined);
  clients.push(client);
  const queue = open('dying', { store: redisStore({ client: onlyNewsThrough(client) }) });
  const held: string[] = [];
  const taken = createDeferred<void>();
  holdOne(queue, held, () => taken.resolve());
  await untilWaiting('dying');
  proxy.set('open', { kind: 'freeze' });

  while (proxy.counters().connections < 3) await nextTurn();
  await open('dying').add('1');

  await taken.promise;
  expect(held).toEqual(['1']);
}, 20_000);

test('a process whose consumers are closed takes no news from others', async () => {
  const [former, idle] = [open('closed'), open('closed')];
  const gone: string[] = [];
  await holdOne(former, gone, () => undefined).close();
  const held: string[] = [];
  const taken = createDeferred<void>();
  holdOne(idle, held, () => taken.resolve());
  await untilIdle(1);

  await open('closed').add('1');

  await taken.promise;
  expect([gone, held]).toEqual([[], ['1']]);
});

test('nothing is claimed behind its add when an item has one attempt only', async () => {
  const calls: string[] = [];
  const client = createClient();
  const recording = {
    callBuffer: (command: string, ...args: (string | Buffer | number)[]): Promise<unknown> => {
      calls.push(command);
      return client.callBuffer(command, ...args);
    },
    duplicate: (...args: []) => client.duplicate(...args),
  };
  const queue = open('once', {
    store: redisStore({ client: recording }),
    retry: { maxAttempts: 1 },
  });
  const held: string[] = [];
  const taken = createDeferred<void>();
  holdOne(queue, held, () => taken.resolve());
  await untilIdle(1);
  calls.length = 0;

  const adding = queue.add('1');
  await nextTurn();
  const callsBefore = calls.length;
  await adding;

  expect(callsBefore).toBe(1);
  await taken.promise;
  expect(held).toEqual(['1']);
});
