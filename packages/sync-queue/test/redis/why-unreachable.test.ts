import { inspect } from 'node:util';
import { createQueue, type Queue } from '@holdfast/sync-queue';
import { redisStore, type RedisLike } from '@holdfast/sync-queue/redis';
import { createFakeClock, startRedisServer } from '@holdfast/testkit';
import { Cluster, Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { StoreFailedError } from '../../src/errors.ts';
import { createReasoning } from '../../src/redis/why-unreachable.ts';

let server: Awaited<ReturnType<typeof startRedisServer>>;
let admin: Redis;

/** The program starts without a password: whoever waits for it has none. */
beforeAll(async () => {
  server = await startRedisServer({ settings: { 'cluster-enabled': 'yes' } });
  admin = new Redis(server.url);
  await admin.config('SET', 'requirepass', 'right');
});
afterAll(async () => {
  admin.disconnect();
  await server[Symbol.asyncDispose]();
});

const OPTIONS = { enableOfflineQueue: false, maxRetriesPerRequest: 0 };

function urlWith(password: string): string {
  const url = new URL(server.url);
  url.password = password;
  return url.href;
}

function quiet<C extends Redis | Cluster>(client: C): C {
  client.on('error', () => undefined);
  return client;
}

function queueOn(client: RedisLike): Queue<string> {
  return createQueue<string>({
    name: 'q',
    store: redisStore({ client }),
    limits: { maxCount: 10, maxBytes: 1000 },
    overflow: 'reject',
  });
}

async function failureOf(queue: Queue<string>): Promise<Error> {
  return queue.start().then(
    () => new Error('it has started'),
    (error: unknown) => error as Error,
  );
}

test.each([
  { password: 'wr0ng', answer: 'WRONGPASS' },
  { password: '', answer: 'NOAUTH' },
])('says at once that the server has answered $answer', async ({ password, answer }) => {
  const client = quiet(new Redis(urlWith(password), OPTIONS));
  const queue = queueOn(client);

  const failure = await failureOf(queue);

  expect(failure).toMatchObject({ code: 'STORE_FAILED', outcome: 'not-applied' });
  expect(failure.message).toMatch(new RegExp(`^the store failed: ${answer} `));
  expect(inspect(failure, { depth: 10, showHidden: true })).not.toContain('wr0ng');
  await queue.close();
  client.disconnect();
});

test('says so of a client that has given up', async () => {
  const client = quiet(new Redis(urlWith('wr0ng'), { ...OPTIONS, retryStrategy: () => null }));
  await new Promise((resolve) => client.once('end', resolve));
  const queue = queueOn(client);

  expect((await failureOf(queue)).message).toMatch(/^the store failed: WRONGPASS /);
  await queue.close();
});

test('says so of a Cluster', async () => {
  const { hostname: host, port } = new URL(server.url);
  const client = quiet(
    new Cluster([{ host, port: Number(port) }], {
      enableOfflineQueue: false,
      redisOptions: { ...OPTIONS, password: 'wr0ng' },
    }),
  );
  const queue = queueOn(client);

  expect((await failureOf(queue)).message).toMatch(/^the store failed: WRONGPASS /);
  await queue.close();
  client.disconnect();
});

test('says that nobody listens', async () => {
  await using gone = await startRedisServer();
  await gone.stop();
  const client = quiet(new Redis(gone.url, OPTIONS));
  const queue = queueOn(client);

  expect((await failureOf(queue)).message).toContain('ECONNREFUSED');
  await queue.close();
  client.disconnect();
});

test('leaves no connection behind', async () => {
  const client = quiet(new Redis(urlWith('right'), { ...OPTIONS, connectionName: 'left' }));
  const queue = queueOn(client);

  // It is not ready yet, and nothing is wrong.
  expect((await failureOf(queue)).message).toContain('enableOfflineQueue');
  client.disconnect();
  const names = async (): Promise<string> => String(await admin.client('LIST'));
  while ((await names()).includes('name=left')) await new Promise((done) => setImmediate(done));
  await queue.close();
});

const UNSENT = new Error("Stream isn't writeable and enableOfflineQueue options is false");

/** A client that is not connected. */
function unconnected(duplicate: () => unknown): RedisLike {
  return { callBuffer: () => Promise.reject(UNSENT), duplicate } as unknown as RedisLike;
}

/** A client that is not connected, and whose doubles are told one of the reasons each, in turn. */
function unconnectedBecause(...reasons: string[]) {
  const asked = { times: 0 };
  const client = unconnected(() => {
    const reason = reasons[asked.times] ?? 'nothing';
    asked.times += 1;
    return {
      on: (_: string, listener: (error: Error) => void) => listener(new Error(reason)),
      callBuffer: () => new Promise(() => undefined),
      disconnect: () => undefined,
    };
  });
  return { asked, client };
}

test('asks once for all that fails at the time', async () => {
  const { asked, client } = unconnectedBecause('getaddrinfo ENOTFOUND');
  const store = redisStore({ client });
  const failures = await Promise.all([1, 2, 3].map(async () => store.open().catch(String)));

  for (const failure of failures) expect(failure).toContain('ENOTFOUND');
  expect(asked.times).toBe(1);
});

test('gives each failure its own reason, and asks at most once a second', async () => {
  const clock = createFakeClock();
  const { asked, client } = unconnectedBecause('WRONGPASS', 'ECONNREFUSED', 'ENOTFOUND');
  const withReason = createReasoning(client, clock);
  const explained = (): Promise<string> =>
    withReason(new StoreFailedError('not-applied', UNSENT)).then(String);
  expect(await explained()).toContain('WRONGPASS');

  const later = [explained(), explained()];
  await clock.advance(999);
  expect(asked.times).toBe(1);
  await clock.advance(1);
  for (const failure of await Promise.all(later)) expect(failure).toContain('ECONNREFUSED');
  expect(asked.times).toBe(2);

  await clock.advance(1000);
  expect(await explained()).toContain('ENOTFOUND');
  expect(clock.pending()).toBe(0);
});

test.each([
  ['cannot be doubled', () => Promise.resolve({})],
  [
    'throws when it is doubled',
    () => {
      throw new Error('no duplicates here');
    },
  ],
])('leaves the failure as it is when the client %s', async (_, duplicate) => {
  const queue = queueOn(unconnected(duplicate));

  const failure = await failureOf(queue);

  expect(failure).toMatchObject({ code: 'STORE_FAILED', outcome: 'not-applied' });
  expect(failure.message).toContain("Stream isn't writeable");
  await queue.close();
});
