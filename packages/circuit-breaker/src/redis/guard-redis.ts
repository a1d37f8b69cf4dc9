import {
  createListeners,
  requireFunction,
  requireInteger,
  type Listeners,
} from '@holdfast/internal';
import { ambient } from '../ambient-deadline.ts';
import { circuitBreaker } from '../circuit-breaker/circuit-breaker.ts';
import type { CircuitBreaker } from '../circuit-breaker/contract.ts';
import type { Awaitable } from '../policy.ts';
import { CacheReads } from './cache-reads.ts';
import { CacheWrites } from './cache-writes.ts';
import { Calls } from './calls.ts';
import { Connection } from './connection.ts';
import type {
  RedisGuard,
  RedisGuardEvents,
  RedisGuardSnapshot,
  RedisGuardState,
  WriteOutcome,
} from './contract.ts';
import { FencedWrites } from './fenced-writes.ts';
import { Invalidations } from './invalidations.ts';
import { KeyNames } from './key-names.ts';
import { LocalEntries } from './local-entries.ts';
import {
  requireClient,
  resolveRedisGuardOptions,
  type RedisGuardOptions,
  type ResolvedRedisGuardOptions,
} from './options.ts';
import type { RedisClient } from './redis-client.ts';
import { SingleFlight } from './single-flight.ts';

/**
 * A cache and counters on Redis that never hang and never crash. It works on a connection of its own, made by
 * `client.duplicate`, on which nothing is queued and nothing is sent again. A write that it reports as not applied
 * never is; a counter is never incremented twice for one call; see `FencedWrites` for how.
 *
 * @throws {TypeError | RangeError} when an option is wrong, or `client` cannot be duplicated or is a cluster.
 */
export function guardRedis(client: RedisClient, options: RedisGuardOptions = {}): RedisGuard {
  return new Guard(requireClient(client), resolveRedisGuardOptions(options));
}

class Guard implements RedisGuard {
  readonly name: string;
  readonly breaker: CircuitBreaker;
  readonly #options: ResolvedRedisGuardOptions;
  readonly #listeners: Listeners<RedisGuardEvents> = createListeners({
    ...{ down: true, up: true, unknown: true, invalidated: true, overflow: true, stale: true },
  });
  readonly #connection: Connection;
  readonly #calls: Calls;
  readonly #reads: CacheReads;
  readonly #names: KeyNames;
  readonly #writes: CacheWrites;
  readonly #fenced: FencedWrites;
  readonly #invalidations: Invalidations;
  readonly #local: LocalEntries | undefined;
  readonly #loads = new SingleFlight<string>();
  readonly #waiters = new Set<() => void>();
  readonly #counters = {
    loads: 0,
    failedLoads: 0,
    staleLoads: 0,
    invalidated: 0,
    downs: 0,
  };
  #wasUp = false;
  #downSinceMs: number;
  #closed: Promise<void> | undefined;

  constructor(client: RedisClient, options: ResolvedRedisGuardOptions) {
    const { name, clock, local, maxInvalidations, timeoutMs, random } = options;
    const { emit } = this.#listeners;
    this.name = name;
    this.#options = options;
    this.#names = new KeyNames(options.prefix);
    this.#downSinceMs = clock.now();
    this.breaker = circuitBreaker(options.breaker);
    this.#local = local === undefined ? undefined : new LocalEntries(local);
    this.#connection = new Connection({
      name,
      client,
      timeoutMs,
      clock,
      random,
      prepare: (send) => this.#fenced.prepare(send),
      onUp: () => this.#up(),
      onLost: (wasReady, error) => this.#lost(wasReady, error),
    });
    const { send } = this.#connection;
    this.#calls = new Calls({ ...options, connection: this.#connection, breaker: this.breaker });
    this.#fenced = new FencedWrites({
      guard: name,
      keyPrefix: this.#names.journalPrefix,
      clock,
      send,
    });
    this.#invalidations = new Invalidations({
      names: this.#names,
      maxKeys: maxInvalidations,
      send: this.#fenced.sendFenced,
      onOverflow: () => emit('overflow', { maxInvalidations }),
      onDeleted: (keys) => {
        this.#counters.invalidated += keys;
        emit('invalidated', { keys });
      },
    });
    const parts = {
      calls: this.#calls,
      connection: this.#connection,
      invalidations: this.#invalidations,
      local: this.#local,
    };
    this.#reads = new CacheReads({ ...options, ...parts });
    this.#writes = new CacheWrites({
      ...options,
      ...parts,
      fenced: this.#fenced,
      onUnknown: (names) => emit('unknown', { keys: names.map((each) => this.#names.keyOf(each)) }),
    });
  }

  get state(): RedisGuardState {
    if (this.#closed !== undefined) return 'closed';
    if (this.#connection.isReady) return 'ready';
    return this.#wasUp ? 'down' : 'connecting';
  }

  on<K extends keyof RedisGuardEvents>(
    event: K,
    listener: (payload: RedisGuardEvents[K]) => void,
  ): () => void {
    return this.#listeners.on(event, listener);
  }

  ready(): Promise<boolean> {
    if (this.#closed !== undefined) return Promise.resolve(false);
    if (this.#connection.isReady) return Promise.resolve(true);
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel();
        this.#waiters.delete(end);
        resolve(this.state === 'ready');
      };
      this.#waiters.add(end);
      const timer = this.#options.clock.setTimer(end, this.#options.timeoutMs);
    });
  }

  get(key: string): Promise<string | null> {
    return this.#reads.get(this.#names.value(key));
  }

  mget(keys: readonly string[]): Promise<(string | null)[]> {
    return this.#reads.mget(this.#names.values(keys));
  }

  set(key: string, value: string, ttlMs?: number): Promise<WriteOutcome> {
    const name = this.#names.value(key);
    requireString('value', value);
    if (ttlMs !== undefined) requireInteger('ttlMs', ttlMs, { min: 1 });
    return this.#writes.set(name, value, ttlMs);
  }

  del(...keys: string[]): Promise<WriteOutcome> {
    return this.#writes.del(this.#names.values(keys));
  }

  incr(key: string): Promise<number> {
    return this.incrBy(key, 1);
  }

  incrBy(key: string, by: number): Promise<number> {
    const name = this.#names.counter(key);
    return this.#writes.write('INCRBY', [name], [requireInteger('by', by)]);
  }

  getOrLoad(key: string, ttlMs: number, load: () => Awaitable<string>): Promise<string> {
    const name = this.#names.value(key);
    requireInteger('ttlMs', ttlMs, { min: 1 });
    requireFunction('load', load);
    // Shared, so no caller's deadline is its own.
    return this.#loads.run(name, () =>
      ambient.detached(() => this.#getOrLoad(name, key, ttlMs, load)),
    );
  }

  async #getOrLoad(
    name: string,
    key: string,
    ttlMs: number,
    load: () => Awaitable<string>,
  ): Promise<string> {
    const cached = await this.#reads.get(name).catch(() => null);
    if (cached !== null) return cached;
    this.#counters.loads += 1;
    let value: string;
    try {
      value = requireString('what load gives', await load());
    } catch (error) {
      this.#counters.failedLoads += 1;
      const stale = this.#local?.getStale(name, this.#options.clock.now());
      if (stale === undefined) throw error;
      this.#counters.staleLoads += 1;
      this.#listeners.emit('stale', { key, error });
      return stale;
    }
    const jitteredMs = Math.max(1, Math.ceil(ttlMs * (1 - 0.1 * this.#options.random())));
    await this.#writes.setLoaded(name, value, jitteredMs);
    return value;
  }

  #up(): void {
    this.#wasUp = true;
    const downMs = this.#options.clock.now() - this.#downSinceMs;
    void this.#invalidations.drain();
    this.#listeners.emit('up', { downMs });
    for (const wake of this.#waiters) wake();
  }

  #lost(wasReady: boolean, error: unknown): void {
    this.#fenced.lose();
    if (!wasReady) return;
    this.#counters.downs += 1;
    this.#downSinceMs = this.#options.clock.now();
    this.#listeners.emit('down', { error });
  }

  snapshot(): RedisGuardSnapshot {
    return {
      name: this.name,
      kind: 'redis-guard',
      state: this.state,
      counters: { ...this.#reads.counters, ...this.#writes.counters, ...this.#counters },
      gauges: {
        inFlight: this.#calls.inFlight,
        invalidations: this.#invalidations.size,
        localEntries: this.#local?.size ?? 0,
      },
    };
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    // Closed for others already, while what is in flight may still be settled by a reconnect.
    await this.#calls.close();
    this.#fenced.close();
    await this.#connection.close();
    for (const wake of this.#waiters) wake();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function requireString(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw new TypeError(`${name} must be a string, got ${value === null ? 'null' : typeof value}`);
}
