/**
 * The guard's own connection.
 *
 * - `connecting`  entered at creation and when the connection is lost or dropped; left when the client is ready. Nothing
 *                 is sent.
 * - `preparing`   entered when the client is ready; left to `ready` when `prepare` has resolved, to `connecting` when it
 *                 rejects or does not settle in time. Only what prepares is sent.
 * - `ready`       everything is sent; left when the connection is lost, or dropped.
 * - `closed`      entered by `close()`; final.
 */
import { createBackoff, type Clock, type Random, type Timer } from '@holdfast/internal';
import { TimeoutError } from '../errors.ts';
import {
  NOT_WRITEABLE,
  type RedisClient,
  type RedisConnection,
  type Send,
} from './redis-client.ts';

export interface ConnectionOptions {
  readonly name: string;
  readonly client: RedisClient;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
  /** Runs on each new connection, before anything else is sent. */
  readonly prepare: (send: Send) => Promise<void>;
  readonly onUp: () => void;
  /** The connection was lost; its commands have been rejected, or are about to be. */
  readonly onLost: (wasReady: boolean, error: unknown) => void;
}

/** A connection that is not ready after so long is given up, milliseconds; a frozen server accepts and says nothing. */
const CONNECT_TIMEOUT_MS = 2_000;

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #connection: RedisConnection;
  #state: 'connecting' | 'preparing' | 'ready' | 'closed' = 'connecting';
  #lastError: unknown;
  /** Counts connections, so that what an earlier one has begun does not speak for this one. */
  #epoch = 0;
  readonly #onReady = (): void => void this.#prepare();
  readonly #onClose = (): void => this.#lose();
  readonly #onError = (error: unknown): void => void (this.#lastError = error);

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#connection = options.client.duplicate(ownOptions(options));
    this.#connection.on('error', this.#onError);
    this.#connection.on('ready', this.#onReady);
    this.#connection.on('close', this.#onClose);
  }

  get isReady(): boolean {
    return this.#state === 'ready' && this.#connection.status === 'ready';
  }

  /** Number of the present connection. */
  get epoch(): number {
    return this.#epoch;
  }

  get lastError(): unknown {
    return this.#lastError;
  }

  readonly send: Send = (command, ...args) =>
    this.isReady
      ? this.#connection.call(command, ...args)
      : Promise.reject(new Error(`${NOT_WRITEABLE}: not ready`));

  /** Ends the connection `epoch`, so that nothing more of it is sent, and makes another one. */
  drop(epoch: number, cause: unknown): void {
    if (epoch !== this.#epoch || this.#connection.status !== 'ready') return;
    if (this.#state === 'closed' || this.#state === 'connecting') return;
    this.#lastError = cause;
    this.#lose();
    this.#connection.disconnect(true);
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    const { status } = this.#connection;
    const hasSocket = status === 'ready' || status === 'connect' || status === 'connecting';
    const ended = new Promise<void>((resolve) => {
      if (hasSocket) this.#connection.on('end', () => resolve());
      else resolve();
    });
    this.#connection.removeListener('ready', this.#onReady);
    this.#connection.removeListener('close', this.#onClose);
    this.#connection.disconnect();
    await ended;
  }

  async #prepare(): Promise<void> {
    if (this.#state !== 'connecting') return;
    this.#state = 'preparing';
    const { name, prepare, clock, onUp } = this.#options;
    const epoch = ++this.#epoch;
    const isMine = (): boolean => epoch === this.#epoch && this.#state === 'preparing';
    let timer: Timer | undefined;
    try {
      timer = clock.setTimer(
        () => isMine() && this.drop(epoch, new TimeoutError(name, CONNECT_TIMEOUT_MS)),
        CONNECT_TIMEOUT_MS,
        {
          background: true,
        },
      );
      await prepare((command, ...args) => this.#connection.call(command, ...args));
      if (!isMine()) return;
      this.#state = 'ready';
      this.#lastError = undefined;
      onUp();
    } catch (error) {
      if (isMine()) this.drop(epoch, error);
    } finally {
      timer?.cancel();
    }
  }

  #lose(): void {
    if (this.#state === 'closed' || this.#state === 'connecting') return;
    const wasReady = this.#state === 'ready';
    this.#state = 'connecting';
    // The client tells no error when the other side just closes.
    this.#lastError ??= new Error('the connection was closed');
    this.#options.onLost(wasReady, this.#lastError);
  }
}

/** What of the client's options would let a command wait, be sent again, or be kept. */
function ownOptions({ timeoutMs, random }: ConnectionOptions): object {
  const backoff = createBackoff({ baseMs: 10, capMs: 1_000, jitter: 'equal', random });
  const retryStrategy = (attempt: number): number => Math.ceil(backoff(attempt, 0));
  return {
    lazyConnect: false,
    // A command is sent now or refused now.
    enableOfflineQueue: false,
    enableAutoPipelining: false,
    // What was in flight when a connection ended is rejected at once, and nobody sends it again.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    reconnectOnError: null,
    // Default 2 s, during which what is buffered would still be sent.
    disconnectTimeout: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    // Also while the client shakes hands, which none of our timers covers.
    socketTimeout: Math.max(timeoutMs, CONNECT_TIMEOUT_MS),
    commandTimeout: undefined,
    maxLoadingRetryTime: 500,
    retryStrategy,
    // A Sentinel may freeze as well, and the next one be asked.
    sentinelCommandTimeout: CONNECT_TIMEOUT_MS,
    sentinelRetryStrategy: retryStrategy,
    autoResubscribe: false,
    monitor: false,
    readOnly: false,
    stringNumbers: false,
    keyPrefix: '',
    replyMapping: 'legacy',
  };
}
