import {
  checkOut,
  createBackoff,
  createDeferred,
  onAbort,
  quoteIdentifier,
  sleep,
  type Backoff,
  type Clock,
  type Deferred,
  type Random,
} from '@holdfast/internal';
import type { PgPoolLike } from '../ports.ts';

export interface KeyListenerContext {
  readonly pool: PgPoolLike;
  readonly channel: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly onKey: (payload: string) => void;
  readonly onListening: () => void;
  /** `attempt` counts the failures since it last listened; 0: it did until now. */
  readonly onLost: (error: unknown, attempt: number) => void;
}

/** What is used of a connection that listens. */
interface ListeningClient {
  query(text: string): Promise<unknown>;
  release(isBroken: boolean): void;
  on(event: string, listener: (message: never) => void): unknown;
  removeListener(event: string, listener: (message: never) => void): unknown;
  /** Lets the process end though the connection is open. */
  unref?(): void;
}

/** A connection that says nothing may be dead: it is asked this often. */
const HEARTBEAT_MS = 15_000;

/** As long it has to answer, and to be there at all. */
const ANSWER_MS = 15_000;

/** Listens on a channel, on one connection after the other until it is closed. */
export class KeyListener {
  readonly #context: KeyListenerContext;
  readonly #backoff: Backoff;
  readonly #stop = new AbortController();
  #run: Promise<void> | undefined;
  #isListening = false;

  constructor(context: KeyListenerContext) {
    this.#context = context;
    this.#backoff = createBackoff({ baseMs: 100, capMs: 10_000, random: context.random });
  }

  get isListening(): boolean {
    return this.#isListening;
  }

  start(): void {
    if (!this.#stop.signal.aborted) this.#run ??= this.#listen();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#run;
  }

  async #listen(): Promise<void> {
    const { signal } = this.#stop;
    const isClosed = (): boolean => signal.aborted;
    const { clock, onLost } = this.#context;
    let attempt = 0;
    while (!isClosed()) {
      try {
        await this.#session(() => void (attempt = 0));
      } catch (error) {
        this.#isListening = false;
        if (isClosed()) return;
        onLost(error, attempt);
      }
      attempt += 1;
      const pause = sleep(this.#backoff(attempt, 0), { clock, signal, background: true });
      await pause.catch(() => undefined);
    }
  }

  /** Rejects when the connection is lost or not had, and when it is closed. */
  async #session(onListening: () => void): Promise<never> {
    const { pool, channel, onKey } = this.#context;
    const cut = createDeferred<never>();
    cut.promise.catch(() => undefined);
    const onError = (error: Error): void => cut.reject(error);
    const onEnd = (): void => cut.reject(new Error('the connection that listens has ended'));
    const onNotification = (said: {
      readonly channel: string;
      readonly payload?: string;
    }): void => {
      if (said.channel === channel) onKey(said.payload ?? '');
    };
    let mayListen = false;
    const drop = (client: ListeningClient): void => {
      client.removeListener('end', onEnd);
      client.removeListener('notification', onNotification);
      // Never given to others when it listens. Its errors are still heard then, for it may have something to say.
      client.release(mayListen);
      if (!mayListen) client.removeListener('error', onError);
    };
    const off = onAbort(this.#stop.signal, (reason) => cut.reject(reason));
    const opening = checkOut(pool, (taken) => {
      const client = taken as unknown as ListeningClient;
      client.on('error', onError);
      client.on('end', onEnd);
      client.on('notification', onNotification);
      return client;
    });
    try {
      const client = await this.#within(opening, 'connection', cut);
      client.unref?.();
      mayListen = true;
      await this.#within(client.query(`LISTEN ${quoteIdentifier(channel)}`), 'answer', cut);
      this.#isListening = true;
      onListening();
      this.#context.onListening();
      for (;;) {
        await this.#pause(cut);
        await this.#within(client.query('SELECT 1'), 'answer', cut);
      }
    } finally {
      off();
      opening.then(drop, () => undefined);
    }
  }

  /** Cuts the session when there is nothing in time: a half-open connection says nothing, and neither does one that opens. */
  async #within<T>(
    wanted: Promise<T>,
    what: 'connection' | 'answer',
    cut: Deferred<never>,
  ): Promise<T> {
    const timer = this.#context.clock.setTimer(
      () => cut.reject(new Error(`there was no ${what} within ${ANSWER_MS} ms`)),
      ANSWER_MS,
      { background: true },
    );
    try {
      return await Promise.race([wanted, cut.promise]);
    } finally {
      timer.cancel();
    }
  }

  async #pause(cut: Deferred<never>): Promise<void> {
    const wake = createDeferred<void>();
    const timer = this.#context.clock.setTimer(() => wake.resolve(), HEARTBEAT_MS, {
      background: true,
    });
    try {
      await Promise.race([wake.promise, cut.promise]);
    } finally {
      timer.cancel();
    }
  }
}
