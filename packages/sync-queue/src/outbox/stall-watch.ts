import type { Clock, Timer } from '@holdfast/internal';
import type { LinkKeeper } from './link-keeper.ts';
import type { OutboxEvents } from './outbox.ts';
import type { SentBook } from './sent-book.ts';
import { judgeStall, type StallFacts, type StallReason } from './stall.ts';
import type { StoreKeeper } from './store-keeper.ts';

export interface StallWatchHost {
  readonly clock: Clock;
  readonly stallAfterMs: number;
  readonly keeper: StoreKeeper;
  readonly sent: SentBook;
  readonly link: LinkKeeper;
  readonly isAwaiting: () => boolean;
  readonly onStalled: (stalled: OutboxEvents['stalled']) => void;
}

/** How often to look whether what is stalled has moved, or is stalled for another reason. */
const LOOK_AGAIN_MS = 1000;

/** Tells when nothing moves, at the moment at which it can first be said, and again after as long. */
export class StallWatch {
  readonly #host: StallWatchHost;
  #timer: Timer | undefined;
  #timerAtMs = Infinity;
  #isRunning = false;
  #stalled: StallReason | null = null;
  #told = { id: '', atMs: -Infinity };
  #settledAtMs = 0;
  #openedAtMs = 0;
  /** The `sinceMs` of units up to this one is of another run of the program. */
  #lastOldSeq = 0;
  #oldest: StallFacts['oldest'];

  constructor(host: StallWatchHost) {
    this.#host = host;
  }

  get stalled(): StallReason | null {
    return this.#stalled;
  }

  open(lastOldSeq: number): void {
    this.#lastOldSeq = lastOldSeq;
    this.#openedAtMs = this.#host.clock.now();
    this.#settledAtMs = this.#openedAtMs;
  }

  start(): void {
    this.#isRunning = true;
    this.look();
  }

  /** Something is held that was not before. It is the oldest as long as the store cannot be asked. */
  look(id?: string): void {
    const { clock, stallAfterMs } = this.#host;
    if (id !== undefined) this.#oldest ??= { id, sinceMs: clock.now() };
    this.#lookAt(clock.now() + stallAfterMs);
  }

  settled(): void {
    this.#settledAtMs = this.#host.clock.now();
  }

  close(): void {
    this.#isRunning = false;
    this.#timer?.cancel();
  }

  async #judge(): Promise<void> {
    const { clock, stallAfterMs, onStalled } = this.#host;
    const facts = await this.#facts();
    const nowMs = clock.now();
    const verdict = judgeStall(facts, nowMs, stallAfterMs);
    if (!this.#isRunning) return;
    if (verdict.kind === 'fine') {
      this.#stalled = null;
      if (verdict.nextMs !== undefined) this.#lookAt(verdict.nextMs);
      return;
    }
    const { reason, id, forMs } = verdict;
    const isSame = reason === this.#stalled && id === this.#told.id;
    this.#stalled = reason;
    if (!isSame || nowMs - this.#told.atMs >= stallAfterMs) {
      this.#told = { id, atMs: nowMs };
      onStalled({ reason, id, forMs });
    }
    this.#lookAt(nowMs + Math.min(stallAfterMs, LOOK_AGAIN_MS));
  }

  async #facts(): Promise<StallFacts> {
    const { keeper, sent, link, isAwaiting } = this.#host;
    try {
      const unit = await keeper.read((rows) => rows.oldestWaiting());
      this.#oldest = unit && {
        id: unit.id,
        sinceMs: unit.seq <= this.#lastOldSeq ? this.#openedAtMs : unit.sinceMs,
      };
    } catch {
      // What was the oldest is still it, as far as is known; the keeper knows that the store has failed.
    }
    return {
      oldest: this.#oldest,
      oldestSent: sent.oldest,
      settledAtMs: this.#settledAtMs,
      link: link.current,
      isAwaiting: isAwaiting(),
      hasStoreFailed: keeper.hasFailed,
    };
  }

  #lookAt(atMs: number): void {
    if (!this.#isRunning || atMs >= this.#timerAtMs) return;
    const { clock } = this.#host;
    this.#timer?.cancel();
    this.#timerAtMs = atMs;
    this.#timer = clock.setTimer(
      () => {
        this.#timerAtMs = Infinity;
        void this.#judge();
      },
      Math.max(0, atMs - clock.now()),
      { background: true },
    );
  }
}
