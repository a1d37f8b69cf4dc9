import type { Clock, Timer } from '@holdfast/internal';
import { ShardRequestTimeoutError } from '../errors.ts';
import { requirePort } from '../require-port.ts';
import { isPool } from './is-pool.ts';
import type { PgClientLike } from './ports.ts';

/**
 * The connection of the shards' own, one statement at a time:
 *
 * - `none`    entered at creation, after a failure or a timeout, at `close()`; the next request makes a new one
 * - `open`    entered when a request makes it; left at its first error event or failed request
 */
export class LeaseConnection {
  readonly #createClient: () => PgClientLike;
  readonly #clock: Clock;
  #client: PgClientLike | undefined;

  constructor(createClient: () => PgClientLike, clock: Clock) {
    this.#createClient = createClient;
    this.#clock = clock;
  }

  /**
   * Connects when there is no connection, and runs one statement, both within `timeoutMs`. A connection on which one failed
   * is given up, so that nothing which hangs on it delays the next one.
   */
  async request<Row>(timeoutMs: number, text: string, values?: unknown[]): Promise<readonly Row[]> {
    let timer: Timer | undefined;
    const tooLate = new Promise<never>((_resolve, reject) => {
      const fail = (): void => reject(new ShardRequestTimeoutError(timeoutMs));
      timer = this.#clock.setTimer(fail, Math.max(0, timeoutMs), { background: true });
    });
    try {
      const answering = this.#run(text, values);
      // What comes of it after the timeout is of no interest.
      answering.catch(() => undefined);
      const { rows } = await Promise.race([answering, tooLate]);
      return rows as readonly Row[];
    } catch (error) {
      this.close();
      throw error;
    } finally {
      timer?.cancel();
    }
  }

  /** Gives the connection up; a statement that is under way fails. */
  close(): void {
    const client = this.#client;
    this.#client = undefined;
    if (client === undefined) return;
    client.end().catch(() => undefined);
    // A client of `pg` that waits for a server that is stopped does not end by itself.
    const { connection } = client as {
      readonly connection?: { readonly stream?: { destroy?: () => void } };
    };
    connection?.stream?.destroy?.();
  }

  async #run(text: string, values?: unknown[]): ReturnType<PgClientLike['query']> {
    return (this.#client ?? (await this.#connect())).query(text, values);
  }

  async #connect(): Promise<PgClientLike> {
    const client = requireClient(this.#createClient());
    this.#client = client;
    // For good: also one that was given up may still have something to say.
    client.on('error', () => {
      if (this.#client === client) this.close();
    });
    await client.connect();
    return client;
  }
}

/** A pool gives another connection for each statement, and its `end()` waits for the one that `connect()` took. @throws {TypeError} */
function requireClient(given: PgClientLike): PgClientLike {
  const client = requirePort('createClient()', given, ['connect', 'query', 'end', 'on']);
  if (!isPool(client)) return client;
  throw new TypeError(
    'createClient must return a client of its own, such as new pg.Client(config), got a pool',
  );
}
