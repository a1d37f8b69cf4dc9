import { raceAbort, requireFunction, throwIfAborted } from '@holdfast/internal';
import type { Connection } from '../connection.ts';
import type { Holdings } from './holdings.ts';
import type { LockKey } from '../lock-key.ts';
import type { KyselyTransactionOf, PgClientLike, Queryable, QueryResultLike } from '../ports.ts';
import { isInFailedTransaction } from '../sqlstate.ts';
import { rememberHandle } from './frame-handles.ts';
import { TransactionEndedError, TransactionRolledBackError } from './transaction-errors.ts';
import type { Isolation, Transaction, TransactionLockOptions } from './transaction.ts';

/** What all frames of one try of a transaction share. */
export interface FrameContext {
  readonly connection: Connection;
  readonly label: string;
  readonly attempt: number;
  readonly isolation: Isolation;
  readonly isReadOnly: boolean;
  /** Of the advisory locks that it holds. */
  readonly keys: Set<bigint>;
  /** Which savepoint the asynchronous call that asks is inside of. */
  readonly holdings: Holdings<Frame>;
  readonly kysely: ((tx: Queryable) => unknown) | undefined;
  readonly lock: (frame: Frame, key: LockKey, options: TransactionLockOptions) => Promise<void>;
  readonly onHookFailed: (error: unknown) => void;
}

type Hook = () => unknown;

const LEFT_OPEN = 'a cursor was left open in a savepoint that failed';

/**
 * A transaction that is open, or a savepoint in it. `Client` and `Kysely` are what the caller's types say of the same
 * connection.
 */
export class Frame<
  Client extends PgClientLike = PgClientLike,
  Kysely = unknown,
> implements Transaction<Client, Kysely> {
  readonly context: FrameContext;
  readonly #depth: number;
  /** Undefined once they have run, or never will. */
  #afterCommit: Hook[] | undefined = [];
  #afterRollback: Hook[] | undefined = [];
  #pg: Client | undefined;
  #isOver = false;
  /** Settles when the last savepoint, or lock, that was asked for is over. */
  #last: Promise<unknown> | undefined;
  /** Settles when the hooks of all savepoints that were undone have run. */
  #hooks: Promise<unknown> | undefined;

  constructor(context: FrameContext, depth = 0) {
    this.context = context;
    this.#depth = depth;
  }

  get pg(): Client {
    this.#pg ??= rememberHandle(
      this.context.connection.pg(() => this.#isOver) as Client,
      this as Frame,
    );
    return this.#pg;
  }

  kysely(): KyselyTransactionOf<Kysely> {
    const { kysely } = this.context;
    if (kysely === undefined) throw new TypeError('kysely must be given to createLocks first');
    return rememberHandle(kysely(this) as object, this as Frame) as KyselyTransactionOf<Kysely>;
  }

  get attempt(): number {
    return this.context.attempt;
  }

  get signal(): AbortSignal {
    return this.context.connection.signal;
  }

  query<Row extends object>(text: string, values?: unknown[]): Promise<QueryResultLike<Row>> {
    const { connection, label } = this.context;
    if (this.#isOver) return Promise.reject(connection.lost ?? new TransactionEndedError(label));
    return connection.query<Row>(text, values);
  }

  afterCommit(hook: Hook): void {
    this.#add(hook, this.#afterCommit);
  }

  afterRollback(hook: Hook): void {
    this.#add(hook, this.#afterRollback);
  }

  #add(hook: Hook, hooks: Hook[] | undefined): void {
    requireFunction('hook', hook);
    if (hooks === undefined) throw new TransactionEndedError(this.context.label);
    hooks.push(hook);
  }

  lock(key: LockKey, options: TransactionLockOptions = {}): Promise<void> {
    return this.context.lock(this, key, options);
  }

  /**
   * Runs `work` when what was asked for before it is over, in the innermost savepoint that the caller is inside of:
   * savepoints of one connection nest, so two at once would undo each other. An abort ends the wait for its turn.
   */
  exclusively<T>(
    work: (innermost: Frame<Client, Kysely>) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const { connection, label } = this.context;
    if (this.#isOver) return Promise.reject(connection.lost ?? new TransactionEndedError(label));
    const innermost = this.#innermost();
    const turn = innermost.#last ?? Promise.resolve();
    const run = raceAbort(turn, signal).then(() => {
      throwIfAborted(signal);
      return work(innermost);
    });
    // Who leaves the queue does not let the next one in before its time.
    innermost.#last = turn.then(() => run).catch(() => undefined);
    return run;
  }

  savepoint<T>(fn: (tx: Frame<Client, Kysely>) => Promise<T>, signal?: AbortSignal): Promise<T> {
    requireFunction('fn', fn);
    let hooks: Promise<void> | undefined;
    const run = this.exclusively(async (outer) => {
      const inner = new Frame<Client, Kysely>(outer.context, outer.#depth + 1);
      try {
        return await outer.#runSavepoint(inner, fn, signal);
      } catch (error) {
        hooks = outer.#runHooksOf(inner);
        throw error;
      }
    }, signal);
    return run.catch(async (error: unknown) => {
      // Not in its turn: a hook may ask for one.
      await hooks;
      throw error;
    });
  }

  /** To wait for the savepoint that one is inside of would be to wait for oneself. */
  #innermost(): Frame<Client, Kysely> {
    const current = this.context.holdings.frame;
    const isInside = current?.context === this.context && current.#depth > this.#depth;
    return isInside ? (current as unknown as Frame<Client, Kysely>) : this;
  }

  async #runSavepoint<T>(
    inner: Frame<Client, Kysely>,
    fn: (tx: Frame<Client, Kysely>) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const { connection, label, keys, holdings } = this.context;
    const name = `holdfast_${inner.#depth}`;
    await connection.query(`SAVEPOINT ${name}`);
    const keysBefore = new Set(keys);
    const frame = inner as unknown as Frame;
    try {
      const value = await holdings.within({ frame, keys }, () => fn(inner));
      await inner.settled();
      inner.#isOver = true;
      throwIfAborted(signal);
      await release(connection, name, label);
      this.#adoptHooks(inner);
      return value;
    } catch (error) {
      await inner.settled();
      // What comes after this is not a part of it, and would not be undone.
      inner.#isOver = true;
      // Behind a cursor that was left open nothing is answered.
      if (connection.mayBeBlocked) connection.giveUp(new Error(LEFT_OPEN, { cause: error }));
      // A transaction that is lost has nothing to be rolled back to; what lost it is the news.
      if (connection.lost === undefined && !connection.hasEnded) {
        await connection.query(`ROLLBACK TO SAVEPOINT ${name}; RELEASE SAVEPOINT ${name}`);
        // The server has given back the locks that were taken since.
        for (const key of keys) if (!keysBefore.has(key)) keys.delete(key);
      }
      throw error;
    }
  }

  #adoptHooks(inner: Frame<Client, Kysely>): void {
    this.#afterCommit?.push(...(inner.#afterCommit ?? []));
    this.#afterRollback?.push(...(inner.#afterRollback ?? []));
    inner.dropHooks();
  }

  /** Of a savepoint that was undone: inside of this frame, which waits for them before it ends. */
  #runHooksOf(inner: Frame<Client, Kysely>): Promise<void> {
    const { keys, holdings } = this.context;
    const frame = this as unknown as Frame;
    const run = holdings.within({ frame, keys }, () => inner.runAfterRollback());
    this.#hooks = Promise.all([this.#hooks, run]).then(() => undefined);
    return run;
  }

  /** A savepoint or a lock was asked for; it may be over. */
  get isBusy(): boolean {
    return this.#last !== undefined;
  }

  get hasCommitHooks(): boolean {
    return this.#afterCommit !== undefined && this.#afterCommit.length > 0;
  }

  /** Resolves when no savepoint of this frame is open any more, also those that nobody waits for. */
  async settled(): Promise<void> {
    let last: Promise<unknown> | undefined;
    let hooks: Promise<unknown> | undefined;
    while (last !== this.#last || hooks !== this.#hooks) {
      last = this.#last;
      hooks = this.#hooks;
      await last;
      await hooks;
    }
  }

  runAfterCommit(): Promise<void> {
    this.#afterRollback = undefined;
    return this.#run(this.#afterCommit);
  }

  runAfterRollback(): Promise<void> {
    this.#afterCommit = undefined;
    return this.#run(this.#afterRollback);
  }

  /** Those that have not run never will, and none can be added. */
  dropHooks(): void {
    this.#afterCommit = undefined;
    this.#afterRollback = undefined;
  }

  async #run(hooks: Hook[] | undefined): Promise<void> {
    // A hook may add another one.
    for (let hook = hooks?.shift(); hook !== undefined; hook = hooks?.shift()) {
      try {
        await hook();
      } catch (error) {
        this.context.onHookFailed(error);
      }
    }
    this.dropHooks();
  }
}

/** The server knows whether a statement that failed was undone by the function itself. */
async function release(connection: Connection, name: string, label: string): Promise<void> {
  try {
    await connection.query(`RELEASE SAVEPOINT ${name}`);
  } catch (error) {
    throw isInFailedTransaction(error) ? new TransactionRolledBackError(label, error.cause) : error;
  }
}
