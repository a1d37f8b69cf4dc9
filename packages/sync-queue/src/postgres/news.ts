import { createHash, randomBytes } from 'node:crypto';
import { systemClock, type Timer } from '@holdfast/internal';
import type { ClaimHints } from './claim-hints.ts';
import type { PgPoolLike } from './ports.ts';
import { runStatement } from './run-statement.ts';
import { watchNotices } from './watch-notices.ts';

/** Between two notices of one process about one queue: commits with a notice wait for each other. */
const NOTICE_MS = 50;
/** Less than the margin by which claims begin to look before what they know. */
const MARGIN_US = 200_000;

interface Topic {
  readonly hints: ClaimHints;
  readonly watchers: Set<() => void>;
  readonly digest: string;
  toldAtMs: number;
  /** What was ready first of that which nobody was told of yet. */
  untoldUs: number | undefined;
  timer: Timer | undefined;
}

/** Tells this process and the others that items may have become ready, and hears it from them. */
export class News {
  readonly channel: string;
  readonly #pool: PgPoolLike;
  readonly #isOn: boolean;
  readonly #self = randomBytes(6).toString('hex');
  readonly #topics = new Map<string, Topic>();
  #endListening: (() => Promise<void>) | undefined;

  constructor(pool: PgPoolLike, schema: string, mode: 'coalesced' | 'off') {
    this.#pool = pool;
    this.#isOn = mode === 'coalesced';
    this.channel = `holdfast_queue_${digestOf(schema)}`;
  }

  /** What the call is to put in front of its notice; null: it is not to send one. */
  permit(topic: Topic): string | null {
    const nowMs = systemClock.now();
    if (!this.#isOn || nowMs - topic.toldAtMs < NOTICE_MS) return null;
    topic.toldAtMs = nowMs;
    return `${topic.digest}:${this.#self}:`;
  }

  /** For a transaction that may end at any time: nobody in this process is told otherwise. */
  permitLater(topic: Topic): string | null {
    return this.#isOn ? `${topic.digest}::` : null;
  }

  /** The call has made something ready, since `readyUs` at the earliest; `permitted` is what it was given. */
  tell(topic: Topic, readyUs: number, permitted: string | null): void {
    topic.hints.lower(readyUs);
    for (const watcher of topic.watchers) watcher();
    if (!this.#isOn) return;
    if (permitted !== null) {
      // One notice stands for all before it, unless theirs is older than what others look at in any case.
      if ((topic.untoldUs ?? Infinity) >= readyUs - MARGIN_US) this.#forgetUntold(topic);
      return;
    }
    topic.untoldUs = Math.min(topic.untoldUs ?? Infinity, readyUs);
    this.#scheduleUntold(topic);
  }

  #scheduleUntold(topic: Topic): void {
    if (topic.timer !== undefined) return;
    const dueInMs = topic.toldAtMs + NOTICE_MS - systemClock.now();
    topic.timer = systemClock.setTimer(() => void this.#sendUntold(topic), dueInMs, {
      background: true,
    });
  }

  topicOf(queue: string, createHints: () => ClaimHints): Topic {
    const known = this.#topics.get(queue);
    if (known !== undefined) return known;
    const topic: Topic = {
      ...{ hints: createHints(), watchers: new Set<() => void>(), digest: digestOf(queue) },
      ...{ toldAtMs: -Infinity, untoldUs: undefined, timer: undefined },
    };
    this.#topics.set(queue, topic);
    return topic;
  }

  /** One connection of the pool listens for as long as anybody watches, unless it is the only one. */
  watch(topic: Topic, onNews: () => void): () => Promise<void> {
    const watcher = (): void => onNews();
    topic.watchers.add(watcher);
    if (this.#isOn && (this.#pool.options?.max ?? Infinity) > 1) {
      this.#endListening ??= watchNotices(this.#pool, this.channel, {
        onNotice: (payload) => this.#hear(payload),
        onAway: () => this.#hearAll(),
      });
    }
    return async () => {
      topic.watchers.delete(watcher);
      const isWatched = [...this.#topics.values()].some(({ watchers }) => watchers.size > 0);
      if (isWatched) return;
      const end = this.#endListening;
      this.#endListening = undefined;
      await end?.();
    };
  }

  /** Sends no more notices that nobody asked for. */
  close(): void {
    for (const topic of this.#topics.values()) this.#forgetUntold(topic);
  }

  #forgetUntold(topic: Topic): void {
    topic.timer?.cancel();
    topic.timer = undefined;
    topic.untoldUs = undefined;
  }

  async #sendUntold(topic: Topic): Promise<void> {
    topic.timer = undefined;
    // A call that may tell is on its way.
    if (systemClock.now() - topic.toldAtMs < NOTICE_MS) {
      this.#scheduleUntold(topic);
      return;
    }
    const payload = `${topic.digest}:${this.#self}:${topic.untoldUs ?? 0}`;
    topic.untoldUs = undefined;
    topic.toldAtMs = systemClock.now();
    try {
      await runStatement(this.#pool, 'SELECT pg_notify($1, $2)', [this.channel, payload]);
    } catch {
      // Consumers look by themselves, too.
    }
  }

  #hear(payload: string): void {
    const [digest, sender, readyUs] = payload.split(':');
    if (sender === this.#self) return;
    for (const topic of this.#topics.values()) {
      if (topic.digest !== digest) continue;
      topic.hints.lower(Number(readyUs));
      for (const watcher of topic.watchers) watcher();
    }
  }

  /** There may be news that nobody heard. */
  #hearAll(): void {
    for (const { watchers } of this.#topics.values()) for (const watcher of watchers) watcher();
  }
}

export type { Topic };

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
