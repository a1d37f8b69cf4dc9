import {
  requireFunction,
  requireObject,
  requireOptions,
  requireText,
  type OptionNames,
} from '@holdfast/internal';
import { NOT_WRITEABLE, type RedisConnection, type Send } from '../redis/redis-client.ts';
import type { Script } from '../redis/scripts.ts';
import { LEASE } from './scripts/lease-script.ts';
import { LEAVE } from './scripts/leave-script.ts';
import { READ } from './scripts/read-script.ts';
import { SETTLE } from './scripts/settle-script.ts';
import { SYNC } from './scripts/sync-script.ts';
import type { BreakerStore, SharedView } from './store.ts';

/** The part of a client that the store needs; `Redis` and `Cluster` of ioredis 5.4 or newer fit. Nothing is changed in it. */
export type BreakerRedisClient = Pick<RedisConnection, 'status' | 'call'>;

export interface RedisBreakerStoreOptions {
  /** In front of every key; without braces, which would decide the slot. Default `breaker:`. */
  readonly prefix?: string | undefined;
}

const NAMES: OptionNames<RedisBreakerStoreOptions> = { prefix: true };

/**
 * Shared circuits on Redis 5 or newer. Each takes four keys, `<prefix>{<circuit>}:state`, `:members`, `:votes` and
 * `:leases`, which share a slot and expire ten minutes after they were last of use. Every step is one Lua script by the
 * server's clock. A command is sent only while the client is ready, so none waits in its offline queue.
 *
 * @throws {TypeError} when an argument is wrong.
 */
export function redisBreakerStore(
  client: BreakerRedisClient,
  options: RedisBreakerStoreOptions = {},
): BreakerStore {
  requireFunction('client.call', requireObject('client', client).call);
  requireOptions('redisBreakerStore', options, NAMES);
  const prefix = requirePrefix(options.prefix ?? 'breaker:');

  const send: Send = (command, ...args) =>
    client.status === 'ready'
      ? client.call(command, ...args)
      : Promise.reject(new Error(`${NOT_WRITEABLE}: the client is ${client.status}`));

  const run = async (script: Script, circuit: string, args: readonly (string | number)[]) => {
    const tag = `${prefix}{${escapeBraces(circuit)}}`;
    const keys = ['state', 'members', 'votes', 'leases'].map((part) => `${tag}:${part}`);
    return readReply(await script.run(send, keys, args));
  };

  return {
    read: async (circuit) => (await run(READ, circuit, [])).view,
    async sync(circuit, { member, liveMs, voteMs, quorum, expectedVersion, openMs }) {
      const args = [member, liveMs, voteMs, quorum, expectedVersion, openMs];
      return (await run(SYNC, circuit, args)).view;
    },
    async lease(circuit, { token, leaseMs, expectedVersion, probes, concurrent }) {
      const args = [token, leaseMs, expectedVersion, probes, concurrent];
      const { flag, view } = await run(LEASE, circuit, args);
      return { ...view, isGranted: flag };
    },
    async settle(circuit, { token, expectedVersion, verdict, probes, maxFailures, openMs }) {
      const args = [token, expectedVersion, verdict, probes, maxFailures, openMs];
      const { flag, view } = await run(SETTLE, circuit, args);
      return { ...view, isCounted: flag };
    },
    async leave(circuit, member) {
      await run(LEAVE, circuit, [member]);
    },
  };
}

function requirePrefix(prefix: string): string {
  if (!/[{}]/.test(requireText('prefix', prefix))) return prefix;
  throw new TypeError(`prefix must be a text without braces, got ${JSON.stringify(prefix)}`);
}

/** A brace in the name would end the hash tag early, and `%` is escaped so that no two names meet. */
function escapeBraces(circuit: string): string {
  return circuit.replace(/[{}%]/g, encodeURIComponent);
}

function readReply(reply: unknown): { readonly flag: boolean; readonly view: SharedView } {
  const numbers = Array.isArray(reply) ? reply.map(Number) : [];
  if (numbers.length !== 10 || numbers.some(Number.isNaN)) {
    throw new Error(`a script of the shared circuit breaker was answered with ${String(reply)}`);
  }
  const [flag = 0, version = 0, remaining = 0, opens = 0, openMs = 0, ...counts] = numbers;
  const [succeeded = 0, leases = 0, votes = 0, members = 0, knownMs = 0] = counts;
  const state = remaining < 0 ? 'closed' : remaining === 0 ? 'half-open' : 'open';
  const remainingMs = Math.max(0, remaining);
  return {
    flag: flag === 1,
    view: {
      state,
      version,
      remainingMs,
      opens,
      openMs,
      succeeded,
      leases,
      votes,
      members,
      knownMs,
    },
  };
}
