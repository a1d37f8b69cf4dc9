import { setTimeout as delay } from 'node:timers/promises';
import { createQueue, StoreFailedError, type QueueStore } from '@holdfast/sync-queue';
import { redisStore } from '@holdfast/sync-queue/redis';
import { startRedisServer } from '@holdfast/testkit';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { startLoad, type LoadAccount } from '../faults/load.ts';
import { connectQueue } from '../fixtures/stores.ts';
import { tellEarly } from '../fixtures/telling-early.ts';
import { wrapStore } from '../fixtures/wrap-store.ts';
import { connectAdmin, DURABLE, FAULTS, type FaultKind } from './strikes.ts';

/*
 * What the faults of `faults.test.ts` take without that which protects from them: the same strikes, the same account.
 */

const timeout = 60_000;
/** What is lost is never done, and must not stop those who add. */
const AHEAD = 1_000_000;

function faultOf(name: string): FaultKind {
  const fault = FAULTS.find((each) => each.name === name);
  if (fault === undefined) throw new Error(`there is no fault ${name}`);
  return fault;
}

/** Tells an add without an answer as one that is not held: what `AMBIGUOUS_ADD` is for. */
function sureOfFailures(store: QueueStore): QueueStore {
  return wrapStore(store, (queue) => ({
    async enqueue(items) {
      try {
        return await queue.enqueue(items);
      } catch (error) {
        throw new StoreFailedError('not-applied', error);
      }
    },
  }));
}

test(
  'CLIENT KILL takes what was told to be added before the server had answered',
  { timeout },
  async () => {
    await using server = await startRedisServer(DURABLE);
    const admin = connectAdmin(server);
    const early = tellEarly();
    const place = { kind: 'redis', url: server.url, prefix: 'p' } as const;
    const opened = await connectQueue(place, { wrap: early.wrap });
    const load = startLoad(opened.queue, { ahead: AHEAD });
    // More than can be on the wire at a time, where a call may be done though its answer is lost.
    for (let index = 0; early.failed() < 100; index += 1) {
      await load.resumed();
      await faultOf('CLIENT KILL').strike({ server, admin }, index);
      await load.resumed();
    }
    await load.producing.stop();
    await early.idle();

    expect((await load.finish()).lost).toBeGreaterThan(0);
    await opened.close();
  },
);

test(
  'SIGSTOP longer than a call may take delivers what was told not to be held, if silence is taken for no',
  { timeout },
  async () => {
    const stopped = async (wrap?: typeof sureOfFailures): Promise<LoadAccount> => {
      await using server = await startRedisServer(DURABLE);
      const admin = connectAdmin(server);
      const place = { kind: 'redis', url: server.url, prefix: 'p' } as const;
      const opened = await connectQueue(place, { wrap });
      const load = startLoad(opened.queue, { ahead: AHEAD });
      await load.resumed();
      await faultOf('SIGSTOP').strike({ server, admin }, 0);
      await load.resumed();
      const account = await load.finish();
      await opened.close();
      return account;
    };

    expect((await stopped(sureOfFailures)).phantoms).toBeGreaterThan(0);
    const { refused, phantoms } = await stopped();
    expect(phantoms).toBe(0);
    // It is the same adds that are told as open.
    expect(refused['AMBIGUOUS_ADD']).toBeGreaterThan(0);
  },
);

test(
  'SCRIPT FLUSH stops all calls of a client that sends scripts only once',
  { timeout },
  async () => {
    await using server = await startRedisServer(DURABLE);
    const admin = connectAdmin(server);
    const client = new Redis(server.url);
    onTestFinished(() => client.disconnect());
    let isForgetful = false;
    const callBuffer = (
      command: string,
      ...args: (string | Buffer | number)[]
    ): Promise<unknown> => {
      const sendsScript = ['EVAL', 'SCRIPT', 'FUNCTION'].includes(command.toUpperCase());
      // As the server says it to those who do not.
      if (isForgetful && sendsScript)
        return Promise.reject(new Error('NOSCRIPT No matching script'));
      return client.callBuffer(command, ...args);
    };
    const queue = createQueue<number>({
      ...{ name: 'numbers', overflow: 'reject', leaseMs: 500 },
      store: redisStore({ client: { callBuffer }, prefix: 'p' }),
      limits: { maxCount: 100_000, maxBytes: 10_000_000 },
    });
    await queue.start();
    const load = startLoad(queue);
    await load.resumed();
    isForgetful = true;
    await faultOf('SCRIPT FLUSH').strike({ server, admin }, 0);
    while (load.producing.refused.size === 0 || queue.snapshot().storeErrors === 0) await delay(5);
    isForgetful = false;

    const { refused, storeErrors } = await load.finish();
    expect(Object.keys(refused)).not.toEqual([]);
    expect(storeErrors).toBeGreaterThan(0);
    await queue.close();
  },
);
