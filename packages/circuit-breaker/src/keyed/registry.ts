import { requireFunction, requireObject } from '@holdfast/internal';
import { WaitingLine, type Place } from '../bulkhead/waiting-line.ts';
import type { WorkTracker } from '../call-context.ts';
import type { Policy } from '../policy.ts';
import type { ResolvedKeyedOptions } from './options.ts';

export type ForgetReason = 'idle' | 'room';

/** One call looks at so many idle policies at most, so that after a quiet time one caller does not pay for all. */
const EXPIRED_AT_ONCE = 2;

/**
 * The policies of all keys. Each is in one of three states:
 *
 * - busy     work that it was given still runs, whoever waits for it; never forgotten
 * - spare    idle; left for good when it is too old or there is no room, unless a circuit breaker in it is not closed
 * - guarded  it was not, when its turn came; forgotten only when no spare one is left, until its next use
 *
 * The lines of the idle ones are in the order of their last use, and each use costs one move at most: O(1) on average.
 */
export class Registry<P extends Policy<unknown>> {
  readonly #options: ResolvedKeyedOptions<P>;
  readonly #onForget: (key: string, reason: ForgetReason) => void;
  readonly #entries = new Map<string, Entry<P>>();
  readonly #spare = new WaitingLine<Entry<P>>();
  readonly #guarded = new WaitingLine<Entry<P>>();

  constructor(
    options: ResolvedKeyedOptions<P>,
    onForget: (key: string, reason: ForgetReason) => void,
  ) {
    this.#options = options;
    this.#onForget = onForget;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The policy of a key, and who to tell of work that runs under it. */
  use(key: string): Entry<P> {
    this.expire(EXPIRED_AT_ONCE);
    const found = this.#entries.get(key);
    if (found === undefined) return this.#add(key);
    if (!this.#isExpired(found) || isGuarding(found.policy)) return found;
    this.#forget(found, 'idle');
    return this.#add(key);
  }

  /** Counts as used just now. */
  touch(entry: Entry<P>): void {
    if (entry.isBusy || this.#entries.get(entry.key) !== entry) return;
    entry.usedAtMs = this.#options.clock.now();
    entry.moveTo(this.#spare);
  }

  keys(): readonly string[] {
    return [...this.#entries.keys()];
  }

  /** Forgets those that have been idle for too long, `most` at most. */
  expire(most = Infinity): void {
    for (let count = 0; count < most; count += 1) {
      const oldest = this.#spare.first;
      if (oldest === undefined || !this.#isExpired(oldest)) return;
      if (isGuarding(oldest.policy)) oldest.moveTo(this.#guarded);
      else this.#forget(oldest, 'idle');
    }
  }

  #isExpired(entry: Entry<P>): boolean {
    const { idleMs, clock } = this.#options;
    return entry.line === this.#spare && clock.now() - entry.usedAtMs >= idleMs;
  }

  #add(key: string): Entry<P> {
    const policy = requireObject('create(key)', this.#options.create(key));
    requireFunction('create(key).execute', (policy as { readonly execute?: unknown }).execute);
    const entry = new Entry(key, policy, (idle) => {
      this.touch(idle);
      this.#makeRoom();
    });
    this.#entries.set(key, entry);
    this.#makeRoom();
    return entry;
  }

  /** While too many are busy there are more than `maxKeys`. */
  #makeRoom(): void {
    while (this.#entries.size > this.#options.maxKeys) {
      const victim = this.#spare.first ?? this.#guarded.first;
      if (victim === undefined) return;
      if (victim.line === this.#spare && isGuarding(victim.policy)) victim.moveTo(this.#guarded);
      else this.#forget(victim, 'room');
    }
  }

  #forget(entry: Entry<P>, reason: ForgetReason): void {
    entry.moveTo(undefined);
    this.#entries.delete(entry.key);
    this.#onForget(entry.key, reason);
  }
}

/** One key's policy. */
export class Entry<P> implements WorkTracker {
  readonly key: string;
  readonly policy: P;
  usedAtMs = 0;
  readonly #onIdle: (entry: Entry<P>) => void;
  #running = 0;
  #line: WaitingLine<Entry<P>> | undefined;
  #place: Place<Entry<P>> | undefined;

  constructor(key: string, policy: P, onIdle: (entry: Entry<P>) => void) {
    this.key = key;
    this.policy = policy;
    this.#onIdle = onIdle;
  }

  get isBusy(): boolean {
    return this.#running > 0;
  }

  /** Where it stands while it is idle. */
  get line(): WaitingLine<Entry<P>> | undefined {
    return this.#line;
  }

  begin(): void {
    this.#running += 1;
    this.moveTo(undefined);
  }

  end(): void {
    this.#running -= 1;
    if (this.#running === 0) this.#onIdle(this);
  }

  moveTo(line: WaitingLine<Entry<P>> | undefined): void {
    if (this.#place !== undefined) this.#line?.leave(this.#place);
    this.#line = line;
    this.#place = line?.join(this);
  }
}

/** A circuit breaker that is not closed is in it: to forget it would let through what it holds off. */
function isGuarding(policy: object): boolean {
  const { state, policies } = policy as { readonly state?: unknown; readonly policies?: unknown };
  if (typeof state === 'string' && state !== 'closed') return true;
  return Array.isArray(policies) && policies.some(isGuarding);
}
