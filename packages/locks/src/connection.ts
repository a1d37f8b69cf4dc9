import { checkOut, onAbort, raceAbort } from '@holdfast/internal';
import type { PgClientLike, PgPoolLike, QueryResultLike } from './ports.ts';
import { isSubmittable, refuseQuery, sendQuery } from './query-form.ts';
import { endsSession, isInFailedTransaction, sqlstateOf } from './sqlstate.ts';
import { TransactionEndedError } from './transactions/transaction-errors.ts';

export interface ConnectionUse {
  /** What it is used for, in messages: `lock app/zone/7`. */
  readonly label: string;
  /** What is told when the connection dies. */
  readonly lostError: (cause: Error) => Error;
  readonly signal: AbortSignal | undefined;
}

/**
 * A connection that is checked out for one use:
 *
 * - `open`   entered when the pool gives it; queries pass
 * - `lost`   entered at its first error event, or when it is abandoned; the signal aborts, queries are refused, it will be
 *            destroyed
 * - `ended`  entered at `end()`; queries are refused, it is back in the pool or destroyed; final
 */
export class Connection {
  readonly #client: PgClientLike;
  readonly #use: ConnectionUse;
  readonly #onError: (error: Error) => void;
  readonly #unlink: () => void;
  /** Made when somebody looks: most never do. */
  #aborting: AbortController | undefined;
  #lost: Error | undefined;
  #hasEnded = false;
  #isSealed = false;
  /** Queries, and those of them that have ended, which they do in their order. */
  #sent = 0;
  #ended = 0;
  /** Cursors and streams that have not ended. */
  #open = 0;
  /** The first statement that failed since one succeeded: in a transaction all that follow fail because of it. */
  #failure: unknown;

  private constructor(client: PgClientLike, use: ConnectionUse) {
    this.#client = client;
    this.#use = use;
    this.#unlink = onAbort(use.signal, (reason) => this.#aborting?.abort(reason));
    // Without a listener, a connection that dies while it is checked out would end the process.
    this.#onError = (error) => this.#lose(error);
    client.on('error', this.#onError);
  }

  /** Waits for a connection of the pool; an abort ends the wait, and the connection goes back when it comes. */
  static open(pool: PgPoolLike, use: ConnectionUse): Promise<Connection> {
    const opening = checkOut(pool, (client) => {
      try {
        return new Connection(client, use);
      } catch (error) {
        client.release();
        throw error;
      }
    });
    return use.signal === undefined ? opening : Connection.#openUnlessAborted(opening, use.signal);
  }

  static async #openUnlessAborted(
    opening: Promise<Connection>,
    signal: AbortSignal,
  ): Promise<Connection> {
    try {
      return await raceAbort(opening, signal);
    } catch (error) {
      opening.then(
        (connection) => connection.end('reusable'),
        () => undefined,
      );
      throw error;
    }
  }

  get lost(): Error | undefined {
    return this.#lost;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Aborts when the connection is lost, or when the caller aborts. */
  get signal(): AbortSignal {
    if (this.#aborting === undefined) {
      this.#aborting = new AbortController();
      const { signal } = this.#use;
      if (this.#lost !== undefined) this.#aborting.abort(this.#lost);
      else if (signal?.aborted === true) this.#aborting.abort(signal.reason);
    }
    return this.#aborting.signal;
  }

  get isBusy(): boolean {
    return this.#sent > this.#ended;
  }

  /** How many queries have been sent, and how many of them have ended, which they do in their order. */
  get progress(): { readonly sent: number; readonly ended: number } {
    return { sent: this.#sent, ended: this.#ended };
  }

  /** What is sent next may have to wait for ever: for a cursor that was left open. */
  get mayBeBlocked(): boolean {
    return this.#open > 0;
  }

  /** What the server will not say again: why the transaction is a failed one, if it is. */
  get failure(): unknown {
    return this.#failure;
  }

  /** The same object for as long as the connection lives. */
  get client(): object {
    return this.#client;
  }

  /** As the driver knows it, which differs behind a pooler from what the server says. */
  get processId(): number | undefined {
    return (this.#client as { readonly processID?: number | null }).processID ?? undefined;
  }

  /**
   * The driver's client: its queries are subject to the same rules as `query`, and it cannot be released. `isOver`: whoever
   * it was given to may use it no more.
   */
  pg(isOver: () => boolean): PgClientLike {
    return new Proxy(this.#client, {
      get: (client, name) => {
        if (name === 'query') return (...args: unknown[]) => this.#pass(args, isOver());
        if (name === 'release' || name === 'end') return () => refuseToEnd(name, this.#use.label);
        const value: unknown = Reflect.get(client, name, client);
        return typeof value === 'function' ? (value.bind(client) as unknown) : value;
      },
    });
  }

  /** From now on nothing passes but `control`: what would be sent behind COMMIT or ROLLBACK would be outside of it. */
  seal(): void {
    this.#isSealed = true;
  }

  /** Runs a statement of the function's, or one in front of its end. */
  query<Row extends object>(text: string, values?: unknown[]): Promise<QueryResultLike<Row>> {
    return this.#isSealed ? Promise.reject(this.#gone()) : this.control<Row>(text, values);
  }

  /** Runs a statement that ends the use of the connection, such as COMMIT. */
  control<Row extends object>(text: string, values?: unknown[]): Promise<QueryResultLike<Row>> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    this.#sent += 1;
    // One promise for each statement: with asynchronous storage in use, each costs a microsecond.
    return this.#client.query<Row>(text, values).then(
      (answer) => {
        this.#hear(undefined, answer);
        return answer;
      },
      (error: unknown) => {
        this.#hear(error);
        throw error;
      },
    );
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

  /** Destroys the connection, and with it what runs on it, as if it had been lost because of `reason`. */
  abandon(reason: Error): void {
    if (this.#lost === undefined && !this.#hasEnded) this.#mark(reason);
    this.end('destroy');
  }

  /** As `abandon`, with the error of a connection that died. */
  giveUp(cause: Error): void {
    this.abandon(this.#use.lostError(cause));
  }

  #refusal(): Error | undefined {
    return this.#lost ?? (this.#hasEnded ? this.#gone() : undefined);
  }

  #gone(): Error {
    return this.#lost ?? new TransactionEndedError(this.#use.label);
  }

  /** A query in any of the driver's forms. */
  #pass(args: unknown[], isOver: boolean): unknown {
    const refusal = this.#refusal() ?? (isOver || this.#isSealed ? this.#gone() : undefined);
    if (refusal !== undefined) return refuseQuery(args, refusal);
    const size = isSubmittable(args[0]) ? 1 : 0;
    this.#sent += 1;
    this.#open += size;
    const onEnded = (error: unknown, answer?: unknown): void => {
      this.#open -= size;
      this.#hear(error, answer);
    };
    try {
      return sendQuery(this.#client, args, onEnded);
    } catch (error) {
      onEnded(error);
      throw error;
    }
  }

  /** A query has ended: with an answer, or with what it failed with. */
  #hear(error: unknown, answer?: unknown): void {
    this.#ended += 1;
    if (error === undefined) {
      // In a transaction that has failed nothing succeeds but its end, whose answer is ROLLBACK.
      const { command } = (answer ?? {}) as { readonly command?: unknown };
      if (command !== 'ROLLBACK') this.#failure = undefined;
      return;
    }
    if (!(error instanceof Error)) return;
    // The server says goodbye in the answer to a query; the client's own error event comes only after it.
    if (endsSession(error)) this.#lose(error);
    // The server does not say again what went wrong at first. What the driver has refused has not reached it.
    if (isInFailedTransaction(error)) error.cause ??= this.#failure;
    else if (sqlstateOf(error) !== undefined) this.#failure ??= error;
  }

  #lose(error: Error): void {
    if (this.#lost === undefined && !this.#hasEnded) this.#mark(this.#use.lostError(error));
  }

  #mark(reason: Error): void {
    this.#lost = reason;
    this.#aborting?.abort(reason);
  }
}

function refuseToEnd(method: string, label: string): never {
  throw new TypeError(`${method}() must not be called: the connection belongs to ${label}`);
}
