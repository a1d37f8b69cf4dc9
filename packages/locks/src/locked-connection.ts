import { onAbort, raceAbort } from '@holdfast/internal';
import { LockLostError, TransactionEndedError } from './errors.ts';
import { endsSession } from './sqlstate.ts';
import type { LockedTransaction, PgClientLike, PgPoolLike, QueryResultLike } from './locks.ts';

/**
 * A connection that is checked out for one transaction:
 *
 * - `open`   entered when the pool gives it; queries pass
 * - `lost`   entered at its first error event; the signal aborts, queries are refused, it will be destroyed
 * - `ended`  entered at `end()`; queries are refused, it is back in the pool or destroyed; final
 */
export class LockedConnection {
  readonly #client: PgClientLike;
  readonly #keyName: string;
  readonly #aborting = new AbortController();
  readonly #onError: (error: Error) => void;
  readonly #unlink: () => void;
  #lost: LockLostError | undefined;
  #hasEnded = false;

  private constructor(client: PgClientLike, keyName: string, signal: AbortSignal | undefined) {
    this.#client = client;
    this.#keyName = keyName;
    // Without a listener, a connection that dies while it is checked out would end the process.
    this.#onError = (error) => this.#lose(error);
    client.on('error', this.#onError);
    this.#unlink = onAbort(signal, (reason) => this.#aborting.abort(reason));
  }

  /** Waits for a connection of the pool; an abort ends the wait, and the connection goes back when it comes. */
  static async open(
    pool: PgPoolLike,
    keyName: string,
    signal: AbortSignal | undefined,
  ): Promise<LockedConnection> {
    const connecting = pool.connect();
    try {
      return new LockedConnection(await raceAbort(connecting, signal), keyName, signal);
    } catch (error) {
      if (signal?.aborted === true) {
        connecting.then(
          (client) => client.release(),
          () => undefined,
        );
      }
      throw error;
    }
  }

  get lost(): LockLostError | undefined {
    return this.#lost;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** What the function gets: it works until `end()`. */
  transaction(): LockedTransaction {
    return {
      signal: this.#aborting.signal,
      query: (text, values) => this.query(text, values),
    };
  }

  async query<Row extends object>(text: string, values?: unknown[]): Promise<QueryResultLike<Row>> {
    if (this.#lost !== undefined) throw this.#lost;
    if (this.#hasEnded) throw new TransactionEndedError(this.#keyName);
    try {
      return await this.#client.query<Row>(text, values);
    } catch (error) {
      // The server says goodbye in the answer to a query; the client's own error event comes only after it.
      if (error instanceof Error && endsSession(error)) this.#lose(error);
      throw error;
    }
  }

  /** Gives the connection back, or destroys it: one whose state is unknown may hold a lock. */
  end(how: 'reusable' | 'destroy'): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#unlink();
    const isDestroyed = how === 'destroy' || this.#lost !== undefined;
    this.#client.release(isDestroyed);
    // Only now, when the pool listens again; and a destroyed one may still have something to say.
    if (!isDestroyed) this.#client.removeListener('error', this.#onError);
  }

  #lose(error: Error): void {
    if (this.#lost !== undefined || this.#hasEnded) return;
    this.#lost = new LockLostError(this.#keyName, error);
    this.#aborting.abort(this.#lost);
  }
}
