import { isVerdict } from '../classify.ts';
import type { PgClientLike, QueryResultLike } from '../ports.ts';
import type { CopyIn, CopyInAnswer } from './copy-in.ts';

/** A connection for one use: what is asked of it rejects when the use is cut short. */
export class BoundClient {
  readonly #client: PgClientLike;
  readonly #cut: Promise<never>;
  #isWaiting = false;
  #isInTransaction = false;

  constructor(client: PgClientLike, cut: Promise<never>) {
    this.#client = client;
    this.#cut = cut;
  }

  /** Nothing is open on it: no question without an answer, no transaction. */
  get isClean(): boolean {
    return this.hasAnswer && !this.#isInTransaction;
  }

  /** The server has answered what it was asked last, if only with an error: what that wanted is not applied then. */
  get hasAnswer(): boolean {
    return !this.#isWaiting;
  }

  query<Row extends object>(text: string, values?: unknown[]): Promise<QueryResultLike<Row>> {
    return this.#ask(this.#client.query<Row>(text, values));
  }

  /** Sends several statements as one message and resolves with what the last has given. */
  async queryLast<Row extends object>(text: string): Promise<QueryResultLike<Row>> {
    // For several statements `pg` gives an array.
    const answer: unknown = await this.query(text);
    return (Array.isArray(answer) ? answer.at(-1) : answer) as QueryResultLike<Row>;
  }

  /** As `queryLast`, with the one row, as text. */
  async begin(text: string): Promise<readonly (string | null)[] | undefined> {
    const row = (await this.queryLast<Record<string, string | number | null>>(text)).rows[0];
    return row && Object.values(row).map((value) => (value === null ? null : String(value)));
  }

  copy(copyIn: CopyIn): Promise<CopyInAnswer> {
    this.#client.query(copyIn);
    return this.#ask(copyIn.answer);
  }

  /** Runs `work`, which begins a transaction and commits it; an error of it rolls back. */
  async transaction<T>(work: () => Promise<T>): Promise<T> {
    this.#isInTransaction = true;
    try {
      const value = await work();
      this.#isInTransaction = false;
      return value;
    } catch (error) {
      if (!this.#isWaiting) await this.#rollBack();
      throw error;
    }
  }

  async #rollBack(): Promise<void> {
    try {
      await this.query('ROLLBACK');
      this.#isInTransaction = false;
    } catch {
      // The connection is destroyed, and the transaction with it; the caller has the first error.
    }
  }

  async #ask<T>(answer: Promise<T>): Promise<T> {
    this.#isWaiting = true;
    try {
      const value = await Promise.race([answer, this.#cut]);
      this.#isWaiting = false;
      return value;
    } catch (error) {
      // The server is ready again behind an error that it has reported.
      this.#isWaiting = !(isVerdict(error) ?? (await this.#isReady()));
      throw error;
    }
  }

  /** Asks for nothing, which is answered in a failed transaction, too, but not behind the end of the session. */
  async #isReady(): Promise<boolean> {
    try {
      await Promise.race([this.#client.query(''), this.#cut]);
      return true;
    } catch {
      return false;
    }
  }
}
