/**
 * One member's link to the store: reports in the background, keeps the last view, and says when there is none.
 *
 * - `connecting`  entered at creation; left to `up` or `down` by the first answer, or the want of one.
 * - `up`          there is a view. Left to `down` when a command fails or is not answered in time.
 * - `down`        there is no view, and nothing is sent but reports, with a back-off. Left to `up` by the first answer.
 * - `closed`      entered by `close()`; final. Answers that are still on their way are ignored.
 */
import {
  createBackoff,
  type Backoff,
  type Clock,
  type Random,
  type Timer,
} from '@holdfast/internal';
import { CallContext } from '../call-context.ts';
import { TimeoutError } from '../errors.ts';
import type { Outcome } from '../policy.ts';
import { runWithin } from '../run-within.ts';
import { LIVE_POLLS, type BreakerStore, type MemberReport, type SharedView } from './store.ts';

export interface StoreLinkOptions {
  readonly store: BreakerStore;
  /** Of the circuit. */
  readonly name: string;
  readonly member: string;
  readonly pollMs: number;
  readonly storeTimeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** Hears what happens, when it has happened. */
export interface StoreLinkObserver {
  report(): MemberReport;
  onView(view: TimedView, wasUp: boolean): void;
  /** `last` is what was seen before. */
  onDown(last: TimedView | undefined, error: unknown): void;
}

/** A view whose opening ends on this process's clock: never sooner than on the store's, for the answer took its time. */
export interface TimedView extends SharedView {
  readonly untilMs: number;
}

export function stateAt(view: TimedView, nowMs: number): SharedView['state'] {
  if (view.state === 'closed') return 'closed';
  return nowMs < view.untilMs ? 'open' : 'half-open';
}

const LONGEST_BACKOFF_MS = 10_000;
/** Reports come up to this share sooner than `pollMs`. */
const JITTER = 0.2;

export class StoreLink {
  readonly #options: StoreLinkOptions;
  readonly #observer: StoreLinkObserver;
  readonly #backoff: Backoff;
  readonly #running = new Set<Promise<unknown>>();
  #state: 'connecting' | 'up' | 'down' | 'closed' = 'connecting';
  #view: TimedView | undefined;
  /** Commands are numbered as they are sent, so that no answer takes the place of a later one. */
  #sent = 0;
  #seen = 0;
  #failures = 0;
  #isReporting = false;
  /** How often a report was asked for. */
  #asked = 0;
  #timer: Timer | undefined;
  #nextMs = 0;

  constructor(options: StoreLinkOptions, observer: StoreLinkObserver) {
    this.#options = options;
    this.#observer = observer;
    const { pollMs, random } = options;
    // All are back by the time that a store which has lost its data takes those it knows for all.
    const capMs = Math.min(LIVE_POLLS * pollMs, Math.max(pollMs, LONGEST_BACKOFF_MS));
    this.#backoff = createBackoff({ baseMs: pollMs, capMs, jitter: 'equal', random });
  }

  get state(): 'connecting' | 'up' | 'down' | 'closed' {
    return this.#state;
  }

  /** Undefined unless the store is up. */
  get view(): TimedView | undefined {
    return this.#view;
  }

  /** When the next report is due. */
  get nextMs(): number {
    return this.#nextMs;
  }

  /** Reports now, or again when one is under way: what it says may be out of date. */
  async report(): Promise<void> {
    if (this.#isClosed()) return;
    this.#asked += 1;
    if (this.#isReporting) return;
    this.#isReporting = true;
    this.#timer?.cancel();
    let asked: number;
    do {
      asked = this.#asked;
      await this.#reportOnce();
    } while (asked !== this.#asked && this.#view !== undefined);
    this.#isReporting = false;
    this.#schedule();
  }

  /** Undefined: the store is down, or is now found to be. Never rejects. */
  ask<R extends SharedView>(
    command: (store: BreakerStore, circuit: string) => Promise<R>,
  ): Promise<R | undefined> {
    const asking = this.#ask(command);
    this.#running.add(asking);
    return asking.finally(() => this.#running.delete(asking));
  }

  async close(): Promise<void> {
    if (this.#isClosed()) return;
    const { store, name, member } = this.#options;
    this.#timer?.cancel();
    this.#state = 'closed';
    this.#view = undefined;
    // After what is under way: a report that arrives later would bring the member back.
    await Promise.all(this.#running);
    await this.#run(() => store.leave(name, member));
  }

  async #reportOnce(): Promise<void> {
    const { name } = this.#options;
    const report = this.#observer.report();
    const view = await this.ask((store) => store.sync(name, report));
    this.#failures = view === undefined ? this.#failures + 1 : 0;
    // The vote was meant for another version, so it was not counted; is it still held?
    const isOutdated = view !== undefined && view.version !== report.expectedVersion;
    if (isOutdated && view.state === 'closed' && this.#observer.report().voteMs > 0) {
      this.#asked += 1;
    }
  }

  async #ask<R extends SharedView>(
    command: (store: BreakerStore, circuit: string) => Promise<R>,
  ): Promise<R | undefined> {
    const { store, name } = this.#options;
    const number = ++this.#sent;
    const { ok, value, error } = await this.#run(() => command(store, name));
    if (this.#isClosed()) return undefined;
    if (!ok) {
      this.#lose(error);
      return undefined;
    }
    if (number > this.#seen) this.#see(number, value);
    return value;
  }

  /** Not by a policy: reports outlive the call that happened to cause them, and its deadline. */
  #run<R>(command: () => Promise<R>): Promise<Outcome<R>> {
    const { name, storeTimeoutMs: ms, clock } = this.#options;
    const expire = (): Error => new TimeoutError(`${name} store`, ms);
    return runWithin(command, new CallContext(clock), { ms, clock, expire }).then(
      (value) => ({ ok: true, value }),
      (error: unknown) => ({ ok: false, error }),
    );
  }

  /** A question, because the state changes while its asker waits. */
  #isClosed(): boolean {
    return this.#state === 'closed';
  }

  #see(number: number, view: SharedView): void {
    const wasUp = this.#state === 'up';
    const timed = { ...view, untilMs: this.#options.clock.now() + view.remainingMs };
    this.#seen = number;
    this.#state = 'up';
    this.#view = timed;
    this.#observer.onView(timed, wasUp);
  }

  #lose(error: unknown): void {
    if (this.#state === 'down') return;
    const last = this.#view;
    this.#state = 'down';
    this.#view = undefined;
    this.#observer.onDown(last, error);
  }

  #schedule(): void {
    if (this.#isClosed()) return;
    const { clock, random, pollMs } = this.#options;
    const delayMs =
      this.#failures === 0 ? pollMs * (1 - JITTER * random()) : this.#backoff(this.#failures, 0);
    this.#nextMs = clock.now() + delayMs;
    this.#timer = clock.setTimer(() => void this.report(), delayMs, { background: true });
  }
}
