import { raceAbort, type Timer } from '@holdfast/internal';
import { exchange, troubleOf, type Exchange } from './exchange.ts';
import { ackedSeq, freezeBatch, type FrozenBatch, type FrozenUnit } from './freeze-batch.ts';
import type { HlcClock } from './hlc.ts';
import type { LinkKeeper } from './link-keeper.ts';
import type { OutboxEvents } from './outbox.ts';
import type { ResolvedOutboxOptions } from './outbox-options.ts';
import type { OutboxRows } from './outbox-store.ts';
import { RetryBudget } from './retry-budget.ts';
import type { SentBook } from './sent-book.ts';
import type { Settler } from './settler.ts';
import type { StoreKeeper } from './store-keeper.ts';
import type { PushOutcome } from './wire.ts';

export interface DrainHost {
  readonly options: ResolvedOutboxOptions;
  readonly hlc: HlcClock;
  readonly sent: SentBook;
  readonly link: LinkKeeper;
  readonly settler: Settler;
  readonly keeper: StoreKeeper;
  readonly streamId: () => string;
  readonly onPushFailed: (failure: OutboxEvents['pushFailed']) => void;
}

/**
 * Sends what is held. Rounds run one at a time; a round sends requests until there are as many as may be, or nothing is
 * due. It ends in a timer, or is started again by an enqueue, an answer, the host's hint or `sync`.
 */
export class Drain {
  readonly tally = { requests: 0, failedRequests: 0, retries: 0 };
  readonly #host: DrainHost;
  readonly #budget: RetryBudget;
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #isAutomatic = false;
  #awaiting = 0;
  #inFlight = 0;
  #round: Promise<void> | undefined;
  #isAgain = false;
  #syncs = new Set<() => void>();
  #timer: Timer | undefined;
  #timerAtMs = Infinity;
  /** Before, the budget has nothing for retries. */
  #retriesFromMs = -Infinity;
  #storeFailures = 0;

  constructor(host: DrainHost) {
    this.#host = host;
    const { clock, retry } = host.options;
    this.#budget = new RetryBudget({
      ratio: retry.budgetRatio,
      perSecond: retry.budgetPerSecond,
      nowMs: clock.now(),
    });
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get isAwaiting(): boolean {
    return this.#awaiting > 0;
  }

  start(): void {
    this.#isAutomatic = true;
    this.#go();
  }

  /** Something is there to be sent; it may gather for a while. */
  notify(delayMs: number = this.#host.options.batch.lingerMs): void {
    if (this.#isAutomatic) this.#wakeAt(this.#now() + delayMs);
  }

  hint(isOnline: boolean): void {
    const { random, retry } = this.#host.options;
    this.#host.link.move({ kind: 'hint', isOnline, spreadMs: random() * retry.spreadMs });
    if (this.#isAutomatic) this.#go();
  }

  /** Resolves when nothing more can be sent for now. */
  async sync(signal: AbortSignal | undefined): Promise<void> {
    this.#host.link.move({ kind: 'nudge' });
    this.#host.sent.hurry(this.#now());
    let isQuiet = (): void => undefined;
    const quiet = new Promise<void>((resolve) => (isQuiet = resolve));
    this.#syncs.add(isQuiet);
    this.#go();
    try {
      await raceAbort(quiet, signal);
    } finally {
      this.#syncs.delete(isQuiet);
    }
  }

  async close(reason: Error): Promise<void> {
    this.#isAutomatic = false;
    this.#closing.abort(reason);
    this.#timer?.cancel();
    while (this.#running.size > 0) await Promise.all(this.#running);
    await this.#round;
    for (const isQuiet of this.#syncs) isQuiet();
  }

  #go(): void {
    if (this.#isClosed()) return;
    this.#isAgain = true;
    this.#round ??= this.#rounds().finally(() => {
      this.#round = undefined;
      // Between the last look and now somebody may have asked again.
      if (this.#isAgain) this.#go();
      else this.#tellQuiet();
    });
  }

  async #rounds(): Promise<void> {
    while (this.#isAgain && !this.#isClosed()) {
      this.#isAgain = false;
      try {
        await this.#sendWhatIsDue();
        this.#storeFailures = 0;
      } catch {
        // Only the store can fail here, and the keeper has told so.
        this.#storeFailures += 1;
        this.#wakeAt(this.#now() + this.#storeDelayMs());
      }
    }
    if (this.#isClosed()) this.#isAgain = false;
  }

  #tellQuiet(): void {
    if (this.#awaiting > 0) return;
    for (const isQuiet of this.#syncs) isQuiet();
    this.#syncs.clear();
  }

  async #sendWhatIsDue(): Promise<void> {
    const { batch } = this.#host.options;
    while (this.#awaiting < batch.concurrency && !this.#isClosed()) {
      if (this.#host.link.current.state !== 'up') return this.#probe();
      const { frozen, retryInMs } = await this.#host.keeper.write((rows) => this.#freeze(rows));
      if (this.#isClosed()) return;
      if (retryInMs !== undefined) this.#countRetry(retryInMs);
      for (const { seq, id, reason } of frozen.unreadable) {
        this.#host.settler.end(seq, id, { status: 'quarantined', reason });
      }
      for (const seq of frozen.gone) this.#host.settler.endUnwritten(seq);
      if (frozen.units.length > 0) this.#send(frozen.units, frozen.ackedSeq);
      else if (frozen.unreadable.length === 0 && frozen.gone.length === 0) {
        this.#wakeAt(Math.max(this.#host.sent.nextDueMs() ?? Infinity, this.#retriesFromMs));
        return;
      }
    }
  }

  /** May be run again, so it counts nothing. `retryInMs`: when there may be a retry, one being due; 0: this is one. */
  #freeze(rows: OutboxRows): { readonly frozen: FrozenBatch; readonly retryInMs?: number } {
    const { options, sent } = this.#host;
    const nowMs = this.#now();
    const due = sent.due(nowMs, options.batch.maxOps);
    const hasRetry = due.some((seq) => sent.isRetry(seq));
    const waitMs = hasRetry ? this.#budget.waitMs(nowMs) : 0;
    const frozen = freezeBatch(rows, {
      due: waitMs === 0 ? due : due.filter((seq) => !sent.isRetry(seq)),
      bounds: options.batch,
      payload: options.payload,
      failuresOf: (seq) => sent.failuresOf(seq),
      wallNowMs: options.clock.wallNow(),
    });
    return hasRetry ? { frozen, retryInMs: waitMs } : { frozen };
  }

  #countRetry(inMs: number): void {
    if (inMs > 0) {
      this.#retriesFromMs = this.#now() + inMs;
      return;
    }
    this.#budget.take();
    this.tally.retries += 1;
  }

  /** Asks whether somebody is there, when there is something to send. */
  async #probe(): Promise<void> {
    const link = this.#host.link.current;
    if (this.#awaiting > 0) return;
    if (link.state === 'down' && this.#now() < link.retryAtMs) {
      this.#wakeAt(link.retryAtMs);
      return;
    }
    const found = await this.#host.keeper.read((rows) => ({
      hasReady: rows.ready('age', 1).length > 0,
      acked: ackedSeq(rows),
    }));
    if (found.hasReady || this.#host.sent.size > 0) this.#send([], found.acked);
  }

  #send(units: readonly FrozenUnit[], acked: number): void {
    const { options, sent } = this.#host;
    for (const { seq, id } of units) sent.depart(seq, id, this.#now());
    this.#awaiting += 1;
    this.#inFlight += units.length;
    this.tally.requests += 1;
    const request = {
      clientId: options.clientId,
      streamId: this.#host.streamId(),
      ackedSeq: acked,
      ops: units.map(({ wire }) => wire),
    };
    const running = exchange(options.push, request, {
      clock: options.clock,
      timeoutMs: options.batch.timeoutMs,
      closing: this.#closing.signal,
    })
      .then((answer) => this.#take(units, answer))
      .finally(() => {
        this.#awaiting -= 1;
        this.#inFlight -= units.length;
        this.#running.delete(running);
        this.#go();
      });
    this.#running.add(running);
  }

  async #take(units: readonly FrozenUnit[], answer: Exchange): Promise<void> {
    if (this.#isClosed()) return;
    switch (answer.kind) {
      case 'failed':
        this.tally.failedRequests += 1;
        this.#host.link.move({ kind: 'failed', reason: 'offline' });
        this.#host.onPushFailed({ error: answer.error, ops: units.length });
        return this.#host.settler.settle(units, () => ({ status: 'unknown' }));
      case 'request': {
        const { verdict } = answer;
        this.#host.link.move({ kind: 'failed', ...troubleOf(verdict) });
        // One that was sent alone has made the request fail itself; of several nobody knows which.
        const outcome: PushOutcome =
          verdict.status === 'retry' && units.length > 1 ? { status: 'unknown' } : verdict;
        return this.#host.settler.settle(units, () => outcome, 'unanswered');
      }
      case 'verdicts': {
        const { outcomes, nowMs, rttMs } = answer;
        this.#host.link.move({ kind: 'answered' });
        if (units.length > 0) this.#budget.succeeded();
        if (nowMs !== undefined) this.#host.hlc.correct(nowMs, rttMs);
        const statuses = [...outcomes.values()].map(({ status }) => status);
        if (statuses.length > 0 && statuses.every((status) => status === 'auth')) {
          this.#host.link.move({ kind: 'failed', reason: 'auth' });
        }
        return this.#host.settler.settle(
          units,
          (unit) => outcomes.get(unit.wire.key) ?? { status: 'unknown' },
        );
      }
      default: {
        const impossible: never = answer;
        return impossible;
      }
    }
  }

  #wakeAt(atMs: number): void {
    if (!this.#isAutomatic || atMs >= this.#timerAtMs || atMs === Infinity) return;
    this.#timer?.cancel();
    this.#timerAtMs = atMs;
    this.#timer = this.#host.options.clock.setTimer(
      () => {
        this.#timerAtMs = Infinity;
        this.#go();
      },
      Math.max(0, atMs - this.#now()),
    );
  }

  #storeDelayMs(): number {
    return Math.min(5000, 50 * 2 ** Math.min(this.#storeFailures, 10));
  }

  #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  #now(): number {
    return this.#host.options.clock.now();
  }
}
