/**
 * One member's link to the store: reports in the background, keeps the last view, and says when there is none.
 *
 * - `connecting`  entered at creation; left to `up` or `down` by the first answer, or the want of one.
 * - `up`          there is a view. Left to `down` when a command fails or is not answered in time.
 * - `down`        there is no view, and nothing is sent but reports, with a back-off. Left to `up` by the first answer.
 * - `closed`      entered by `close()`; final. Answers that are still on their way are ignored, and undone.
 */
import { AsyncResource } from 'node:async_hooks';
import {
  createBackoff,
  type Backoff,
  type Clock,
  type Random,
  type Timer,
} from '@holdfast/internal';
import { ambient } from '../ambient-deadline.ts';
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

/** Sent to the store, about the circuit. */
export type Command<R> = (store: BreakerStore, circuit: string) => Promise<R>;

/**
 * The asynchronous context that reports run in. Made when the module is loaded: that of the breaker's creation, or of
 * the call that caused a report, may be one request's, which every later report would then pass for, and keep in memory.
 */
const background = new AsyncResource('HoldfastStoreLink');

const LONGEST_BACKOFF_MS = 10_000;
/** Reports come up to this share sooner than `pollMs`. */
const JITTER = 0.2;

export class StoreLink {
  readonly #options: StoreLinkOptions;
  readonly #observer: StoreLinkObserver;
  readonly #backoff: Backoff;
  readonly #running = new Set<Promise<unknown>>();
  /** To be told when the store is up again. */
  readonly #owed: Command<SharedView>[] = [];
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

  /** Sends the first report; whether the store has answered it. */
  start(): Promise<boolean> {
    return background.runInAsyncScope(() => this.#report().then(() => this.#view !== undefined));
  }

  /** Reports now, or again when one is under way: what it says may be out of date. */
  report(): void {
    background.runInAsyncScope(() => void this.#report());
  }

  /**
   * Undefined: the store is down, or is now found to be. It may have done it all the same, or may yet do so: then it is
   * told to `undo` it. Never rejects.
   */
  ask<R extends SharedView>(
    command: Command<R>,
    undo?: Command<SharedView>,
  ): Promise<R | undefined> {
    const asking = this.#ask(command, undo);
    this.#running.add(asking);
    void asking.finally(() => this.#running.delete(asking));
    // Itself, so that who has asked hears of it before `close()` goes on, and can still give back what it got.
    return asking;
  }

  /** Nobody waits for it. While the store is down it is kept until that is up again, or until `close()`. */
  tell(command: Command<SharedView>): void {
    if (this.#state === 'up' || this.#isClosed()) void this.ask(command);
    else this.#owed.push(command);
  }

  async close(): Promise<void> {
    if (this.#isClosed()) return;
    const { store, name, member } = this.#options;
    this.#timer?.cancel();
    this.#state = 'closed';
    this.#view = undefined;
    this.#tellOwed();
    // After what is under way: a report that arrives later would bring the member back, and a lease is given back.
    while (this.#running.size > 0) await Promise.all(this.#running);
    await this.#run(() => store.leave(name, member));
  }

  async #report(): Promise<void> {
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
    command: Command<R>,
    undo: Command<SharedView> | undefined,
  ): Promise<R | undefined> {
    const { store, name } = this.#options;
    const number = ++this.#sent;
    let isOver = false;
    const { ok, value, error } = await this.#run(async () => {
      const answer = await command(store, name);
      // It may have been done after it was undone.
      if (isOver && undo !== undefined) this.tell(undo);
      return answer;
    });
    isOver = true;
    if (!this.#isClosed()) {
      if (!ok) this.#lose(error);
      else if (number > this.#seen) this.#see(number, value);
    }
    if (ok) return value;
    if (undo !== undefined) this.tell(undo);
    return undefined;
  }

  /** Not by a policy, and outside of any deadline: reports outlive the call that happened to cause them. */
  #run<R>(command: () => Promise<R>): Promise<Outcome<R>> {
    const { name, storeTimeoutMs: ms, clock } = this.#options;
    const expire = (): Error => new TimeoutError(`${name} store`, ms);
    const detached = (): Promise<R> => ambient.detached(command);
    return runWithin(detached, new CallContext(clock), { ms, clock, expire }).then(
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
    this.#tellOwed();
  }

  #tellOwed(): void {
    for (const command of this.#owed.splice(0)) this.tell(command);
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
    this.#timer = clock.setTimer(() => this.report(), delayMs, { background: true });
  }
}
