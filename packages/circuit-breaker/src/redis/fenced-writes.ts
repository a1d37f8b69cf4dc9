/**
 * Writes that are known to have been applied or not, although their answer was lost.
 *
 * Every connection that writes has a journal on the server, opened and confirmed before its first write. A write is a
 * script that does nothing unless the journal is there, and notes in it that it was done. When the connection is lost,
 * the next one takes the journal away and reads it in one step: from then on nothing that the old connection has sent,
 * wherever its bytes still are, can be applied, and what is not noted never was. No clock is involved.
 *
 * This is the idempotency key of a request log, with the fencing token of M. Kleppmann ("How to do distributed locking",
 * 2016) at the level of a connection: Redis runs the commands of a connection in order, and scripts one at a time.
 */
import { randomUUID } from 'node:crypto';
import type { Clock } from '@holdfast/internal';
import { RedisUnavailableError, RedisWriteUnknownError } from './guard-errors.ts';
import {
  Journal,
  readEntry,
  settle,
  settlementOf,
  type Settlement,
  type Ticket,
} from './journal.ts';
import { isRefusal, isReply, NOT_WRITEABLE, type Send } from './redis-client.ts';
import { FENCE, FENCED, OPEN, WRITE } from './scripts.ts';

/** A journal that nobody took away, because its process died, goes after so long. */
const JOURNAL_TTL_MS = 3_600_000;
/** Long enough to ask again when the first answer was lost. */
const FENCED_TTL_MS = 600_000;

export interface Write {
  readonly command: string;
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
  /** Called when the write has left. */
  readonly onSent: () => void;
  /** True: the caller has been told that it was not applied, so it must not be sent any more. */
  readonly isAbandoned: () => boolean;
}

export class FencedWrites {
  readonly #guard: string;
  readonly #keyPrefix: string;
  readonly #clock: Clock;
  readonly #send: Send;
  #journal: Journal | undefined;
  #opening: Promise<Journal> | undefined;
  /** Journals of lost connections that are not yet taken away. */
  readonly #lost = new Set<Journal>();
  /** Counts connections that were lost. */
  #epoch = 0;

  constructor(options: {
    readonly guard: string;
    readonly keyPrefix: string;
    readonly clock: Clock;
    readonly send: Send;
  }) {
    this.#guard = options.guard;
    this.#keyPrefix = options.keyPrefix;
    this.#clock = options.clock;
    this.#send = options.send;
  }

  /**
   * Sends a write once; its result, 1 when it has no number.
   *
   * @throws {RedisUnavailableError | RedisWriteUnknownError | Error} the last is the server's refusal.
   */
  async write(write: Write): Promise<number> {
    const journal = this.#journal ?? (await this.#openFor(write));
    try {
      return await this.#writeIn(journal, write);
    } catch (error) {
      // Refused, so not applied: the journal expired, or was evicted. A new one, and once more.
      if (!isFenced(error)) throw error;
      this.#forget(journal);
      return this.#writeIn(await this.#openFor(write), write);
    }
  }

  async #writeIn(journal: Journal, write: Write): Promise<number> {
    const { command, keys, args, onSent } = write;
    // The connection may have been lost while its journal was being opened.
    if (journal !== this.#journal) throw this.#unavailable('the connection was lost');
    const ticket = journal.begin();
    if (ticket === undefined) throw this.#unavailable('too many writes are unanswered');
    const keepMs = this.#keepMs(journal);
    try {
      const sent = WRITE.run(
        this.#unlessAbandoned(write),
        [journal.key, ...keys],
        [ticket.slot, ticket.id, keepMs, command, ...args],
      );
      onSent();
      const result = Number(await sent);
      journal.end(ticket);
      return result;
    } catch (error) {
      if (!isRefusal(error)) return this.#resultOf(await settlementOf(ticket), error);
      journal.end(ticket);
      throw error;
    }
  }

  /**
   * A server that does not know the script is sent its text, later: by then the key may have been deleted, or written
   * anew, because the caller has given up.
   */
  #unlessAbandoned({ isAbandoned }: Write): Send {
    return (command, ...args) =>
      command === 'EVAL' && isAbandoned()
        ? Promise.reject(new Error(`${NOT_WRITEABLE}: the write was given up`))
        : this.#send(command, ...args);
  }

  #resultOf(settlement: Settlement, cause: unknown): number {
    switch (settlement.kind) {
      case 'applied':
        return settlement.result;
      case 'not-applied':
        throw this.#unavailable('the connection was lost before the write was applied', cause);
      case 'unknown':
        throw new RedisWriteUnknownError(this.#guard, { cause });
      default: {
        const impossible: never = settlement;
        return impossible;
      }
    }
  }

  /** The connection is gone. */
  lose(): void {
    if (this.#journal !== undefined) this.#forget(this.#journal);
    this.#opening = undefined;
    this.#epoch += 1;
  }

  /**
   * On a new connection, before anything else is sent: `fence`. A server that refuses to change anything is still good
   * for reads, so then the fence is tried again before the next change.
   */
  async prepare(send: Send): Promise<void> {
    try {
      await this.fence(send);
    } catch (error) {
      if (!isReply(error)) throw error;
    }
  }

  /** For changes without a journal: nothing that was left unanswered can be applied after them. */
  readonly sendFenced: Send = async (...command) => {
    await this.fence(this.#send);
    return this.#send(...command);
  };

  /** Settles what lost connections have left unanswered. */
  async fence(send: Send): Promise<void> {
    for (const journal of this.#lost) {
      const tickets = journal.unanswered;
      const keys = [journal.key, `${journal.key}:fenced`];
      const slots = tickets.map(({ slot }) => slot);
      const reply = await FENCE.run(send, keys, [FENCED_TTL_MS, ...slots]);
      tickets.forEach((ticket, index) => settle(ticket, settlementIn(reply, ticket, index)));
      this.#lost.delete(journal);
    }
  }

  /** Nothing will be asked any more. */
  close(): void {
    const journal = this.#journal;
    this.lose();
    for (const { unanswered } of this.#lost) {
      for (const ticket of unanswered) settle(ticket, { kind: 'unknown' });
    }
    this.#lost.clear();
    // Not needed: it expires.
    if (journal !== undefined) this.#send('DEL', journal.key).catch(() => undefined);
  }

  /** Others may wait for answers in it. */
  #forget(journal: Journal): void {
    if (this.#journal !== journal) return;
    if (journal.unanswered.length > 0) this.#lost.add(journal);
    this.#journal = undefined;
  }

  async #openFor({ isAbandoned }: Write): Promise<Journal> {
    const journal = this.#journal ?? (await this.#open());
    if (isAbandoned()) throw this.#unavailable('the write was given up before it was sent');
    return journal;
  }

  #open(): Promise<Journal> {
    const opening = (this.#opening ??= this.#create());
    const forget = (): void => {
      if (this.#opening === opening) this.#opening = undefined;
    };
    return opening.finally(forget);
  }

  async #create(): Promise<Journal> {
    const epoch = this.#epoch;
    const journal = new Journal(`${this.#keyPrefix}${randomUUID()}`, this.#clock.now());
    try {
      await this.fence(this.#send);
      await OPEN.run(this.#send, [journal.key], [JOURNAL_TTL_MS]);
    } catch (error) {
      if (isRefusal(error)) throw error;
      throw this.#unavailable('the connection was lost', error);
    }
    if (epoch !== this.#epoch) throw this.#unavailable('the connection was lost');
    this.#journal = journal;
    return journal;
  }

  #keepMs(journal: Journal): number {
    const nowMs = this.#clock.now();
    if (nowMs - journal.keptMs < JOURNAL_TTL_MS / 4) return 0;
    journal.keptMs = nowMs;
    return JOURNAL_TTL_MS;
  }

  #unavailable(why: string, cause?: unknown): RedisUnavailableError {
    return new RedisUnavailableError(this.#guard, why, { cause });
  }
}

function settlementIn(reply: unknown, ticket: Ticket, index: number): Settlement {
  // Without the journal nobody knows; but nothing more can be applied.
  return Array.isArray(reply) ? readEntry(ticket, reply[index]) : { kind: 'unknown' };
}

function isFenced(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith(FENCED);
}
