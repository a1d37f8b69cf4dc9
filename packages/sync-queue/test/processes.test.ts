import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  createTestDatabase,
  createTestRedis,
  spawnNode,
  startRedisServer,
  type NodeProcess,
  type TestDatabase,
  type TestRedis,
} from '@holdfast/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openQueue, type OpenQueue, type Place } from './fixtures/stores.ts';
import type { WorkerMessage, WorkerTask } from './fixtures/worker.ts';

const folder = mkdtempSync(join(tmpdir(), 'sync-queue-'));
let redis: TestRedis;
let database: TestDatabase;
let places = 0;

beforeAll(async () => {
  redis = await createTestRedis();
  database = await createTestDatabase();
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await redis.close();
  await database.close();
});

function newPlace(kind: Place['kind']): Place {
  places += 1;
  switch (kind) {
    case 'sqlite':
      return { kind, path: join(folder, `${places}.db`) };
    case 'redis':
      return { kind, url: redis.url, prefix: `${redis.prefix}${places}` };
    case 'postgres':
      return { kind, url: database.url, schema: `queue_${places}` };
  }
}

function startWorker(task: Partial<WorkerTask> & Pick<WorkerTask, 'place' | 'role'>) {
  const full: WorkerTask = {
    from: 0,
    count: 0,
    maxCount: 100_000,
    isTwoStep: false,
    ...task,
  };
  const file = new URL('fixtures/worker.ts', import.meta.url);
  return spawnNode<WorkerMessage>(file, [JSON.stringify(full)]);
}

async function connected(opened: OpenQueue): Promise<OpenQueue> {
  for (;;) {
    try {
      await opened.queue.start();
      return opened;
    } catch {
      await delay(10);
    }
  }
}

/** Consumes until `count` different values have come, and returns every delivery as value → attempt. */
async function drain({ queue }: OpenQueue, count: number): Promise<Map<number, number>> {
  const seen = new Map<number, number>();
  const consumer = queue.consume(async (batch) => {
    for (const { value, attempt } of batch) seen.set(value, attempt);
  });
  while (seen.size < count) await delay(10);
  await consumer.close();
  return seen;
}

const addedBy = (messages: readonly WorkerMessage[]): number[] =>
  messages.flatMap((message) => ('added' in message ? [message.added] : []));

describe.each(['redis', 'sqlite', 'postgres'] as const)('on %s', (kind) => {
  test('what a consumer held that was killed is delivered again, and nothing is lost', async () => {
    const place = newPlace(kind);
    const opened = await connected(openQueue(place));
    const values = Array.from({ length: 50 }, (_, value) => value);
    await opened.queue.addMany(values);
    const worker = await startWorker({ place, role: 'hold' });
    const message = await worker.next();
    const held = 'held' in message ? message.held : [];
    await worker.kill();

    const seen = await drain(opened, values.length);

    expect(held).toEqual(values.slice(0, 20));
    expect([...seen.keys()].sort((a, b) => a - b)).toEqual(values);
    for (const value of held) expect(seen.get(value)).toBe(2);
    expect(await opened.queue.stats()).toMatchObject({ ready: 0, leased: 0, dead: 0, bytes: 0 });
    await opened.close();
  });

  test('the bound holds while several processes add', async () => {
    const place = newPlace(kind);
    const opened = await connected(openQueue(place));
    const workers = await Promise.all(
      [0, 1, 2].map((index) =>
        startWorker({ place, role: 'produce', from: index * 1000, count: 150, maxCount: 200 }),
      ),
    );
    let most = 0;
    const watch = new AbortController();
    const watching = (async () => {
      while (!watch.signal.aborted) {
        most = Math.max(most, (await opened.queue.stats()).ready);
        await delay(5);
      }
    })();

    const messages = (await Promise.all(workers.map((worker) => worker.rest()))).flat();
    watch.abort();
    await watching;

    expect(messages).toHaveLength(450);
    expect(addedBy(messages)).toHaveLength(200);
    for (const message of messages) {
      if ('refused' in message) expect(message.refused).toBe('QUEUE_FULL');
    }
    expect(most).toBeLessThanOrEqual(200);
    const seen = await drain(opened, 200);
    expect([...seen.keys()].sort()).toEqual(addedBy(messages).sort());
    await opened.close();
  });

  test('negative control: a store that checks and adds in two steps goes beyond the bound', async () => {
    const place = newPlace(kind);
    const opened = await connected(openQueue(place));
    const task = { place, role: 'produce', count: 150, maxCount: 200, isTwoStep: true } as const;
    const workers = await Promise.all(
      [0, 1, 2].map((index) => startWorker({ ...task, from: index * 1000 })),
    );

    const messages = (await Promise.all(workers.map((worker) => worker.rest()))).flat();

    expect(messages).toHaveLength(450);
    expect(addedBy(messages).length).toBeGreaterThan(200);
    expect((await opened.queue.stats()).ready).toBe(addedBy(messages).length);
    await opened.close();
  });

  test('everything that a producer was told to be added is there after it was killed', async () => {
    const place = newPlace(kind);
    const worker = await startWorker({ place, role: 'produce', count: 100_000 });
    const added = await takeAdded(worker, 200);
    await worker.kill();
    added.push(...addedBy(await worker.rest()));

    const opened = await connected(openQueue(place));
    const { ready } = await opened.queue.stats();
    const seen = await drain(opened, ready);

    expect(added.length).toBeGreaterThanOrEqual(200);
    expect(added.filter((value) => !seen.has(value))).toEqual([]);
    // At most the one whose answer was on its way.
    expect(seen.size - added.length).toBeLessThanOrEqual(1);
    await opened.close();
  });
});

async function takeAdded(worker: NodeProcess<WorkerMessage>, count: number): Promise<number[]> {
  const added: number[] = [];
  while (added.length < count) added.push(...addedBy([await worker.next()]));
  return added;
}

/** Adds numbers from several callers until `until` resolves; returns those that were acknowledged. */
async function addUntil({ queue }: OpenQueue, until: Promise<unknown>): Promise<number[]> {
  const added: number[] = [];
  let next = 0;
  const done = new AbortController();
  void until.finally(() => done.abort());
  const callers = Array.from({ length: 8 }, async () => {
    while (!done.signal.aborted) {
      const value = next++;
      try {
        await queue.add(value);
        added.push(value);
      } catch {
        await delay(5);
      }
    }
  });
  await Promise.all(callers);
  return added;
}

async function addWhileKilled(appendonly: boolean): Promise<{ added: number[]; held: number }> {
  await using server = await startRedisServer({ appendonly });
  const opened = await connected(openQueue({ kind: 'redis', url: server.url, prefix: 'p' }));
  const errors: string[] = [];
  opened.queue.on('storeError', ({ operation }) => void errors.push(operation));

  const killing = (async () => {
    await delay(150);
    await server.kill();
    await delay(100);
    await server.start();
    await delay(300);
  })();
  const added = await addUntil(opened, killing);
  const { ready } = await opened.queue.stats();
  expect(errors).toContain('enqueue');
  if (appendonly) {
    const seen = await drain(opened, ready);
    expect(added.filter((value) => !seen.has(value))).toEqual([]);
  }
  await opened.close();
  return { added, held: ready };
}

test('redis killed and started with its append-only file: no acknowledged item is lost', async () => {
  const { added, held } = await addWhileKilled(true);

  expect(added.length).toBeGreaterThan(20);
  expect(held).toBeGreaterThanOrEqual(added.length);
});

test('negative control: without the append-only file acknowledged items are lost', async () => {
  const { added, held } = await addWhileKilled(false);

  expect(held).toBeLessThan(added.length);
});
