import { requireFunction } from '@holdfast/internal';
import type { Connection } from './connection.ts';
import type { LockKey } from './lock-key.ts';
import type { KyselyTransactionOf, PgClientLike, QueryResultLike } from './ports.ts';
import { TransactionRolledBackError } from './transaction-errors.ts';
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
  readonly kysely: ((connection: Connection) => unknown) | undefined;
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
  /** Settles when the last savepoint that was asked for is over. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(context: FrameContext, depth = 0) {
    this.context = context;
    this.#depth = depth;
  }

  get pg(): Client {
    return this.context.connection.pg as Client;
  }

  kysely(): KyselyTransactionOf<Kysely> {
    const { kysely, connection } = this.context;
    if (kysely === undefined) throw new TypeError('kysely must be given to createLocks first');
    return kysely(connection) as KyselyTransactionOf<Kysely>;
  }

  get attempt(): number {
    return this.context.attempt;
  }

  get signal(): AbortSignal {
    return this.context.connection.signal;
  }

  query<Row extends object>(text: string, values?: unknown[]): Promise<QueryResultLike<Row>> {
    return this.context.connection.query<Row>(text, values);
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

  savepoint<T>(fn: (tx: Frame<Client, Kysely>) => Promise<T>): Promise<T> {
    requireFunction('fn', fn);
    // Savepoints of one connection nest, so two at once would undo each other.
    const run = this.#last.then(() => this.#runSavepoint(fn));
    this.#last = run.catch(() => undefined);
    return run;
  }

  async #runSavepoint<T>(fn: (tx: Frame<Client, Kysely>) => Promise<T>): Promise<T> {
    const { connection, label } = this.context;
    const name = `holdfast_${this.#depth + 1}`;
    const inner = new Frame<Client, Kysely>(this.context, this.#depth + 1);
    await connection.query(`SAVEPOINT ${name}`);
    const before = connection.failure;
    try {
      const value = await fn(inner);
      await inner.settled();
      if (connection.failure !== before)
        throw new TransactionRolledBackError(label, connection.failure);
      await connection.query(`RELEASE SAVEPOINT ${name}`);
      this.#afterCommit.push(...inner.#afterCommit);
      this.#afterRollback.push(...inner.#afterRollback);
      return value;
    } catch (error) {
      await inner.settled();
      // A transaction that is lost has nothing to be rolled back to; what lost it is the news.
      if (connection.lost === undefined && !connection.hasEnded) {
        await connection.query(`ROLLBACK TO SAVEPOINT ${name}; RELEASE SAVEPOINT ${name}`);
        connection.failure = before;
      }
      await inner.runAfterRollback();
      throw error;
    }
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
    for (const hook of hooks.splice(0)) {
      try {
        await hook();
      } catch (error) {
        this.context.onHookFailed(error);
      }
    }
  }
}
