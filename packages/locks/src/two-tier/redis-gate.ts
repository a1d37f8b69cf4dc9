import type { Clock } from '@holdfast/internal';
import type { LeaseHolder } from '../leases/lease-contract.ts';
import { EXTEND, LEAVE, LOOK } from './redis-scripts.ts';
import type { RedisLike } from './two-tier-contract.ts';
import { RedisTimeoutError } from './two-tier-errors.ts';

export interface RedisGateOptions {
  readonly redis: RedisLike;
  readonly key: string;
  /** A UUID of this call, a space, and who it is: nobody else has the same. */
  readonly value: string;
  readonly ttlMs: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly onDown: (error: unknown) => void;
}

export type GateAnswer =
  | { readonly state: 'entered' }
  | { readonly state: 'held' }
  | { readonly state: 'down'; readonly error: unknown };

/**
 * A key in Redis that one contender has at a time, as long as Redis remembers it. Nothing waits for Redis for longer than
 * the time-out, also when the client keeps commands until it is connected again.
 *
 * - `outside`  entered at creation, and when Redis says that somebody else has the key
 * - `inside`   entered when the key is ours, or may be: an answer was lost; left by `leave()`
 */
export class RedisGate {
  readonly #options: RedisGateOptions;
  #isInside = false;
  #isDown = false;
  /** When the key's time began for the last time. */
  #sentAtMs = -Infinity;

  constructor(options: RedisGateOptions) {
    this.#options = options;
  }

  async enter(): Promise<GateAnswer> {
    const { key, value, ttlMs } = this.#options;
    // Before the answer: one that is lost, or that nobody waits for any more, may have taken the key.
    this.#isInside = true;
    this.#sentAtMs = this.#options.clock.now();
    const answer = await this.#ask('SET', key, value, 'PX', ttlMs, 'NX');
    if (answer.state === 'down') return answer;
    this.#isInside = answer.reply !== null;
    return { state: this.#isInside ? 'entered' : 'held' };
  }

  /**
   * Keeps the key for as long again, or takes it while nobody has it, once a quarter of its time has passed. What
   * comes of it changes nothing for the caller.
   */
  extendSoon(): void {
    const { key, value, ttlMs, clock } = this.#options;
    if (!this.#isInside || clock.now() - this.#sentAtMs < ttlMs / 4) return;
    this.#sentAtMs = clock.now();
    void this.#ask('EVAL', EXTEND, 1, key, value, ttlMs);
  }

  /** Gives the key back if it is ours. One that Redis does not give back ends by itself. */
  async leave(): Promise<void> {
    const { key, value } = this.#options;
    if (!this.#isInside) return;
    this.#isInside = false;
    // Behind all that was sent before on the same connection, so it finds the key that a late SET has made.
    const left = this.#ask('EVAL', LEAVE, 1, key, value);
    // What did not answer the last time is not waited for again.
    if (!this.#isDown) await left;
  }

  /** Who has the key; undefined when nobody has, or Redis does not say. */
  async holder(): Promise<LeaseHolder | undefined> {
    const answer = await this.#ask('EVAL', LOOK, 1, this.#options.key);
    if (answer.state === 'down' || !Array.isArray(answer.reply)) return undefined;
    const [value, remainingMs] = answer.reply as readonly unknown[];
    if (typeof value !== 'string') return undefined;
    const holder = value.slice(value.indexOf(' ') + 1);
    return { holder, token: undefined, since: undefined, remainingMs: Number(remainingMs) };
  }

  async #ask(
    command: string,
    ...args: (string | number)[]
  ): Promise<
    | { readonly state: 'up'; readonly reply: unknown }
    | { readonly state: 'down'; readonly error: unknown }
  > {
    const { redis, clock, timeoutMs, onDown } = this.#options;
    try {
      const reply = await new Promise<unknown>((resolve, reject) => {
        const timer = clock.setTimer(() => reject(new RedisTimeoutError(timeoutMs)), timeoutMs);
        // In an async function, so that a client that throws at once rejects as well.
        const call = async (): Promise<unknown> => redis.call(command, ...args);
        void call()
          .finally(() => timer.cancel())
          .then(resolve, reject);
      });
      this.#isDown = false;
      return { state: 'up', reply };
    } catch (error) {
      this.#isDown = true;
      onDown(error);
      return { state: 'down', error };
    }
  }
}
