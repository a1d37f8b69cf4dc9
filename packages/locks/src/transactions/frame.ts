import { requireFunction } from '@holdfast/internal';
import type { Connection } from '../connection.ts';
import type { Holdings } from './holdings.ts';
import type { LockKey } from '../lock-key.ts';
import type { KyselyTransactionOf, PgClientLike, Queryable, QueryResultLike } from '../ports.ts';
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
  readonly #afterCommit: Hook[] = [];
  readonly #afterRollback: Hook[] = [];
  #pg: Client | undefined;
  #isOver = false;
  /** Settles when the last savepoint, or lock, that was asked for is over. */
  #last: Promise<unknown> | undefined;

  constructor(context: FrameContext, depth = 0) {
    this.context = context;
    this.#depth = depth;
  }

  get pg(): Client {
    return (this.#pg ??= this.context.connection.pg(() => this.#isOver) as Client);
  }

  kysely(): KyselyTransactionOf<Kysely> {
    const { kysely } = this.context;
    if (kysely === undefined) throw new TypeError('kysely must be given to createLocks first');
    return kysely(this) as KyselyTransactionOf<Kysely>;
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
    this.#afterCommit.push(requireFunction('hook', hook));
  }

  afterRollback(hook: Hook): void {
    this.#afterRollback.push(requireFunction('hook', hook));
  }

  lock(key: LockKey, options: TransactionLockOptions = {}): Promise<void> {
    return this.context.lock(this, key, options);
  }

  /**
   * Runs `work` when what was asked for before it is over, in the innermost savepoint that the caller is inside of:
   * savepoints of one connection nest, so two at once would undo each other.
   */
  exclusively<T>(work: (innermost: Frame<Client, Kysely>) => Promise<T>): Promise<T> {
    const { connection, label } = this.context;
    if (this.#isOver) return Promise.reject(connection.lost ?? new TransactionEndedError(label));
    const innermost = this.#innermost();
    const run = (innermost.#last ?? Promise.resolve()).then(() => work(innermost));
    innermost.#last = run.catch(() => undefined);
    return run;
  }

  savepoint<T>(fn: (tx: Frame<Client, Kysely>) => Promise<T>): Promise<T> {
    requireFunction('fn', fn);
    return this.exclusively((innermost) => innermost.#runSavepoint(fn));
  }

  /** To wait for the savepoint that one is inside of would be to wait for oneself. */
  #innermost(): Frame<Client, Kysely> {
    const current = this.context.holdings.frame;
    const isInside = current?.context === this.context && current.#depth > this.#depth;
    return isInside ? (current as unknown as Frame<Client, Kysely>) : this;
  }

  async #runSavepoint<T>(fn: (tx: Frame<Client, Kysely>) => Promise<T>): Promise<T> {
    const { connection, label, keys, holdings } = this.context;
    const name = `holdfast_${this.#depth + 1}`;
    const inner = new Frame<Client, Kysely>(this.context, this.#depth + 1);
    await connection.query(`SAVEPOINT ${name}`);
    const before = connection.failure;
    const keysBefore = new Set(keys);
    const frame = inner as unknown as Frame;
    try {
      const value = await holdings.within({ frame, keys }, () => fn(inner));
      await inner.settled();
      inner.#isOver = true;
      if (connection.failure !== before)
        throw new TransactionRolledBackError(label, connection.failure);
      await connection.query(`RELEASE SAVEPOINT ${name}`);
      this.#afterCommit.push(...inner.#afterCommit);
      this.#afterRollback.push(...inner.#afterRollback);
      return value;
    } catch (error) {
      await inner.settled();
      // What comes after this is not a part of it, and would not be undone.
      inner.#isOver = true;
      try {
        // A transaction that is lost has nothing to be rolled back to; what lost it is the news.
        if (connection.lost === undefined && !connection.hasEnded) {
          await connection.query(`ROLLBACK TO SAVEPOINT ${name}; RELEASE SAVEPOINT ${name}`);
          connection.failure = before;
          // The server has given back the locks that were taken since.
          for (const key of keys) if (!keysBefore.has(key)) keys.delete(key);
        }
      } finally {
        await inner.runAfterRollback();
      }
      throw error;
    }
  }

  /** A savepoint or a lock was asked for; it may be over. */
  get isBusy(): boolean {
    return this.#last !== undefined;
  }

  get hasCommitHooks(): boolean {
    return this.#afterCommit.length > 0;
  }

  /** Resolves when no savepoint of this frame is open any more, also those that nobody waits for. */
  async settled(): Promise<void> {
    let last: Promise<unknown> | undefined;
    while (last !== this.#last) {
      last = this.#last;
      await last;
    }
  }

  runAfterCommit(): Promise<void> {
    return this.#run(this.#afterCommit);
  }

  runAfterRollback(): Promise<void> {
    return this.#run(this.#afterRollback);
  }

  async #run(hooks: Hook[]): Promise<void> {
    // A hook may add another one.
    for (let hook = hooks.shift(); hook !== undefined; hook = hooks.shift()) {
      try {
        await hook();
      } catch (error) {
        this.context.onHookFailed(error);
      }
    }
  }
}
