import { requireFunction, requireObject } from '@holdfast/internal';
import { StoreEvictsError } from '../errors.ts';
import { requireStorableText } from '../require-storable-text.ts';
import { LEASES_RAN_OUT } from '../store.ts';
import type {
  Claim,
  ClaimedItem,
  DeadSelection,
  EnqueueVerdict,
  Lease,
  QueueStore,
  Settlement,
  StoredDead,
} from '../store.ts';
import { redisFailure, Script, type Argument, type RedisLike } from './run-script.ts';
import {
  CHANGE_DEAD,
  CLAIM,
  ENQUEUE,
  EXTEND,
  KEY_NAMES,
  LIST_DEAD,
  SETTLE,
  STATS,
} from './scripts.ts';

export interface RedisStoreOptions {
  /** Yours: the store does not close it. Set `commandTimeout` and `enableOfflineQueue: false`. */
  readonly client: RedisLike;
  /** Before each key, without braces. Default `sync-queue`. */
  readonly prefix?: string | undefined;
}

/**
 * A store on Redis 6.2 or newer, one script a call; as durable as the server's append-only file.
 *
 * @throws {TypeError} when an option is missing or wrong.
 */
export function redisStore(options: RedisStoreOptions): QueueStore {
  requireObject('options', options);
  const client = requireObject('client', options.client);
  requireFunction('client.callBuffer', (client as { readonly callBuffer: unknown }).callBuffer);
  const prefix = requireStorableText('prefix', options.prefix ?? 'sync-queue');
  if (/[{}]/.test(prefix)) throw new TypeError(`prefix must not hold braces, got "${prefix}"`);

  const run = async (
    script: Script,
    queue: string,
    args: readonly Argument[],
  ): Promise<unknown> => {
    // The braces make the part inside them the hash tag: one slot for all keys of a queue. The length tells where the
    // prefix ends, for it and the queue's name may hold colons.
    const keys = KEY_NAMES.map((name) => `{${prefix.length}:${prefix}:${queue}}:${name}`);
    return script.run(client, keys, args);
  };

  return {
    async open() {
      await refuseEviction(client);
      // Only now: the nodes of a cluster are known when it has answered. A call without keys asks any one of them.
      for (const master of client.nodes?.('master') ?? []) await refuseEviction(master);
      // ioredis sends INFO before it is ready for other commands, and a user may lack the right to run scripts.
      await SCRIPTS.check.run(client, [], []);
    },
    close: () => Promise.resolve(),
    async enqueue(queue, items, limits) {
      const args = items.flatMap(({ id, payload, delayMs }) => [id, payload, delayMs]);
      const reply = await run(SCRIPTS.enqueue, queue, [limits.maxCount, limits.maxBytes, ...args]);
      return (reply as number[]).map((verdict) => VERDICTS[verdict] ?? 'full');
    },
    async claim(queue, { maxItems, leaseMs, maxTries }) {
      const args = [maxItems, leaseMs, maxTries, LEASES_RAN_OUT];
      return toClaim((await run(SCRIPTS.claim, queue, args)) as ClaimReply);
    },
    async settle(queue, settlements) {
      const args = settlements.flatMap((settlement) => [
        settlement.id,
        settlement.attempt,
        settlement.status,
        argumentOf(settlement),
      ]);
      return isOne(await run(SCRIPTS.settle, queue, args));
    },
    async extend(queue, leases, leaseMs) {
      const args = leases.flatMap(({ id, attempt }) => [id, attempt]);
      return isOne(await run(SCRIPTS.extend, queue, [leaseMs, ...args]));
    },
    async stats(queue) {
      const reply = (await run(SCRIPTS.stats, queue, [])) as number[];
      const [ready = 0, delayed = 0, leased = 0, dead = 0, bytes = 0] = reply;
      return { ready, delayed, leased, dead, bytes };
    },
    async listDead(queue, limit) {
      return toDead((await run(SCRIPTS.listDead, queue, [limit])) as (Buffer | number)[]);
    },
    redrive: async (queue, selection) => changeDead('redrive', queue, selection),
    purge: async (queue, selection) => changeDead('purge', queue, selection),
  };

  async function changeDead(
    change: 'redrive' | 'purge',
    queue: string,
    selection: DeadSelection,
  ): Promise<number> {
    const which = 'ids' in selection ? [-1, ...selection.ids] : [selection.oldest];
    return (await run(SCRIPTS.changeDead, queue, [change, ...which])) as number;
  }
}

const SCRIPTS = {
  check: new Script('return 1'),
  enqueue: new Script(ENQUEUE),
  claim: new Script(CLAIM),
  settle: new Script(SETTLE),
  extend: new Script(EXTEND),
  stats: new Script(STATS),
  listDead: new Script(LIST_DEAD),
  changeDead: new Script(CHANGE_DEAD),
};

const VERDICTS: readonly EnqueueVerdict[] = ['full', 'accepted', 'duplicate'];

/** INFO, because managed servers refuse CONFIG. Also volatile policies: a changed default must not matter. */
async function refuseEviction(client: RedisLike): Promise<void> {
  const info = await client.callBuffer('INFO', 'memory').catch((error: unknown) => {
    throw redisFailure(error);
  });
  const policy = /^maxmemory_policy:(\S+)/m.exec(String(info))?.[1] ?? 'unknown';
  if (policy !== 'noeviction') throw new StoreEvictsError(policy);
}

type ClaimReply = readonly [
  nextMs: number,
  died: readonly (Buffer | number)[],
  claimed: readonly (Buffer | number)[],
];

function toClaim([nextMs, died, claimed]: ClaimReply): Claim {
  return {
    nextInMs: nextMs < 0 ? undefined : nextMs,
    died: inGroups(died, 2).map(([id, attempt]): Lease => {
      return { id: String(id), attempt: Number(attempt) };
    }),
    items: inGroups(claimed, 4).map(([id, attempt, tries, item]): ClaimedItem => {
      return { id: String(id), attempt: Number(attempt), tries: Number(tries), ...unpack(item) };
    }),
  };
}

function toDead(reply: readonly (Buffer | number)[]): StoredDead[] {
  return inGroups(reply, 5).map(([id, attempt, reason, diedAtMs, item]) => ({
    id: String(id),
    attempt: Number(attempt),
    reason: String(reason),
    diedAtMs: Number(diedAtMs),
    ...unpack(item),
  }));
}

function unpack(item: Buffer | number | undefined): {
  readonly enqueuedAtMs: number;
  readonly payload: Uint8Array;
} {
  const packed = Buffer.isBuffer(item) ? item : Buffer.alloc(0);
  return { enqueuedAtMs: Number(packed.toString('latin1', 0, 13)), payload: packed.subarray(14) };
}

function inGroups<T>(values: readonly T[], size: number): T[][] {
  const groups: T[][] = [];
  for (let start = 0; start < values.length; start += size) {
    groups.push(values.slice(start, start + size));
  }
  return groups;
}

function argumentOf(settlement: Settlement): Argument {
  switch (settlement.status) {
    case 'retry':
      return Math.ceil(settlement.delayMs);
    case 'dead':
      return settlement.reason;
    case 'ack':
    case 'release':
      return '';
    default: {
      const impossible: never = settlement;
      return impossible;
    }
  }
}

function isOne(reply: unknown): boolean[] {
  return (reply as number[]).map((answer) => answer === 1);
}
