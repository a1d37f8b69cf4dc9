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

/** A connection that says nothing may be dead: it is asked this often, and has as long to answer. */
const HEARTBEAT_MS = 15_000;

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
    const drop = (client: ListeningClient): void => {
      client.removeListener('end', onEnd);
      client.removeListener('notification', onNotification);
      // Never given to others: it listens. Its errors are still heard, for it may have something to say.
      client.release(true);
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
      const client = await Promise.race([opening, cut.promise]);
      client.unref?.();
      await this.#ask(client, `LISTEN ${quoteIdentifier(channel)}`, cut);
      this.#isListening = true;
      onListening();
      this.#context.onListening();
      for (;;) {
        await this.#pause(cut);
        await this.#ask(client, 'SELECT 1', cut);
      }
    } finally {
      off();
      opening.then(drop, () => undefined);
    }
  }

  async #ask(client: ListeningClient, text: string, cut: Deferred<never>): Promise<void> {
    const { clock } = this.#context;
    const timer = clock.setTimer(
      () => cut.reject(new Error(`no answer to ${text} within ${HEARTBEAT_MS} ms`)),
      HEARTBEAT_MS,
      { background: true },
    );
    try {
      await Promise.race([client.query(text), cut.promise]);
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
