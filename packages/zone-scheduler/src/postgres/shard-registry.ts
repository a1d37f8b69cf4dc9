import { randomUUID } from 'node:crypto';
import {
  requireBoolean,
  requireFunction,
  requireInteger,
  requireOptions,
  requireText,
  systemClock,
  type Clock,
} from '@holdfast/internal';
import { requirePort } from '../require-port.ts';
import type { ShardRegistration, ShardRegistry } from '../shard-registry.ts';
import { Alarm } from './alarm.ts';
import { openSchema } from './install.ts';
import { LeaseConnection } from './lease-connection.ts';
import { longestSettlingMs } from './settling.ts';
import type { PgClientLike } from './ports.ts';
import { requireSchema, type PostgresShardsOptions } from './shard-options.ts';
import { ShardStore } from './shard-store.ts';

export interface PostgresShardRegistryOptions extends Pick<
  PostgresShardsOptions,
  'createClient' | 'group' | 'schema' | 'install' | 'clock'
> {
  /** How long an instance that is not heard of counts as there, milliseconds, from 100. Each says so in a third of it. Default 15 000. */
  readonly ttlMs?: number | undefined;
}

/**
 * Writes the instances of static shards down in PostgreSQL 13 or newer, in the tables of `postgresShards`, as a group of
 * its own.
 *
 * @throws {TypeError | RangeError} when an option is missing, unknown or wrong.
 */
export function postgresShardRegistry(options: PostgresShardRegistryOptions): ShardRegistry {
  requireOptions('postgresShardRegistry', options, {
    ...{ createClient: true, group: true, schema: true, install: true, clock: true, ttlMs: true },
  });
  return new PostgresShardRegistry({
    createClient: requireFunction('createClient', options.createClient),
    group: `static ${requireText('group', options.group)}`,
    schema: requireSchema(options.schema),
    mayInstall: requireBoolean('install', options.install ?? true),
    clock: requirePort('clock', options.clock ?? systemClock, ['now', 'wallNow', 'setTimer']),
    ttlMs: requireInteger('ttlMs', options.ttlMs ?? 15_000, { min: 100, max: 2 ** 31 - 1 }),
  });
}

interface ResolvedRegistryOptions {
  readonly createClient: () => PgClientLike;
  readonly group: string;
  readonly schema: string;
  readonly mayInstall: boolean;
  readonly clock: Clock;
  readonly ttlMs: number;
}

/**
 * - `idle`         entered at creation
 * - `registering`  entered at `start()`: in each round the instance joins its group anew, and looks who is there
 * - `closed`       entered at `close()`; final
 */
class PostgresShardRegistry implements ShardRegistry {
  readonly #options: ResolvedRegistryOptions;
  readonly #connection: LeaseConnection;
  readonly #alarm: Alarm;
  /** Of this process: another one of the same number is not overwritten while it is there. */
  readonly #identity = { instance: randomUUID(), previous: undefined };
  #running: Promise<void> | undefined;
  #isOpen = false;
  #isClosed = false;
  #missing = 0;
  /** Until then instances that are missing are no news: they start. */
  #settlesByMs = -Infinity;
  /** All instances were there once. */
  #wasComplete = false;
  #mismatch: string | undefined;
  /** Since when another process has this one's number. */
  #waitingSinceMs: number | undefined;

  constructor(options: ResolvedRegistryOptions) {
    this.#options = options;
    this.#connection = new LeaseConnection(options.createClient, options.clock);
    this.#alarm = new Alarm(options.clock);
  }

  get missing(): number {
    return this.#missing;
  }

  get isSettling(): boolean {
    return !this.#wasComplete && this.#options.clock.now() < this.#settlesByMs;
  }

  get mismatch(): string | undefined {
    return this.#mismatch;
  }

  start(registration: ShardRegistration): void {
    if (!this.#isClosed) this.#running ??= this.#run(registration);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    // A look at the schema may wait for long, and there is nothing to take back.
    if (!this.#isOpen) this.#connection.close();
    this.#alarm.ring();
    await this.#running;
  }

  async #run(registration: ShardRegistration): Promise<void> {
    const { group, schema, ttlMs } = this.#options;
    const roundMs = Math.floor(ttlMs / 3);
    const { id, total, onError } = registration;
    this.#settlesByMs = this.#options.clock.now() + longestSettlingMs(roundMs) + roundMs;
    const store = new ShardStore(this.#connection, {
      ...{ schema, group, memberId: String(id), weight: 1, shards: total, ttlMs, rejoinGraceMs: 0 },
    });
    while (!this.#isClosed) {
      try {
        if (!this.#isOpen) await openSchema(this.#connection, this.#options);
        this.#isOpen = true;
        await this.#round(store, registration, roundMs);
      } catch (error) {
        onError(error);
      }
      await this.#alarm.wait(roundMs);
    }
    try {
      if (this.#isOpen) await store.leave(this.#identity, roundMs);
    } catch (error) {
      // It is then missing when its time is over.
      onError(error);
    }
    this.#connection.close();
  }

  async #round(store: ShardStore, { id, total }: ShardRegistration, roundMs: number) {
    const answer = await store.join(this.#identity, roundMs);
    const nowMs = this.#options.clock.now();
    if (answer.outcome === 'waiting') this.#waitingSinceMs ??= nowMs;
    else this.#waitingSinceMs = undefined;
    // A process that was killed is there for as long as its time is not over: its successor has to wait so long.
    const isTaken = nowMs - (this.#waitingSinceMs ?? nowMs) > this.#options.ttlMs;
    const isOther = answer.outcome !== 'joined' && answer.total !== total;
    if (answer.outcome === 'mismatch') {
      this.#mismatch = `this instance counts ${total} instances, those that are there count ${answer.total}`;
    } else if (isTaken && answer.outcome === 'waiting') {
      const beside = isOther ? `, while this one counts ${total} instances` : '';
      this.#mismatch = `another process is instance ${id} of ${answer.total}${beside}`;
    } else {
      this.#mismatch = undefined;
    }
    const { members } = await store.look(roundMs);
    // Of another total it cannot be told who is missing.
    this.#missing = isOther ? 0 : Math.max(0, total - members.length);
    this.#wasComplete ||= !isOther && this.#missing === 0;
  }
}
