import { randomBytes } from 'node:crypto';
import {
  checkOut,
  createBackoff,
  createDeferred,
  quoteIdentifier,
  raceAbort,
  sleep,
  type Deferred,
} from '@holdfast/internal';
import type { NotificationLike, PgClientLike, PgPoolLike } from './ports.ts';

/** How often the connection is tried, and how long an answer may take: one that died without a word is found so. */
const PROBE_MS = 15_000;
const ANSWER_MS = 5000;

interface Listening {
  readonly onNotice: (payload: string) => void;
  /** Notices may have been missed. */
  readonly onAway: () => void;
}

/** Listens on a connection of its own out of the pool, and on another when that is lost. Never throws. */
export function watchNotices(
  pool: PgPoolLike,
  channel: string,
  listening: Listening,
): () => Promise<void> {
  const ending = new AbortController();
  const { signal } = ending;
  const backoff = createBackoff({ baseMs: 50, capMs: 5000, jitter: 'equal' });

  const run = async (): Promise<void> => {
    let failures = 0;
    while (!signal.aborted) {
      try {
        const connection = await open(pool, channel, { listening, signal });
        failures = 0;
        try {
          await connection.untilLost(signal);
        } finally {
          connection.destroy();
        }
      } catch {
        // Whatever fails here shows in the calls, too; or the caller has ended it.
      }
      failures += 1;
      // Rejects when the caller has ended it, as the loop sees.
      await sleep(backoff(failures, 0), { signal, background: true }).catch(() => undefined);
    }
  };
  const running = run();
  return async () => {
    ending.abort();
    await running;
  };
}

async function open(
  pool: PgPoolLike,
  channel: string,
  { listening, signal }: { readonly listening: Listening; readonly signal: AbortSignal },
): Promise<ListeningConnection> {
  const opening = checkOut(pool, (client) => new ListeningConnection(client, channel, listening));
  let connection: ListeningConnection;
  try {
    connection = await raceAbort(opening, signal);
  } catch (error) {
    // It may still come, and nobody waits for it.
    opening.then(
      (late) => late.destroy(),
      () => undefined,
    );
    throw error;
  }
  try {
    await raceAbort(connection.listen(), signal);
    return connection;
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

class ListeningConnection {
  readonly #client: PgClientLike;
  readonly #channel: string;
  readonly #probe = `probe:${randomBytes(6).toString('hex')}`;
  readonly #lost: Deferred<void> = createDeferred();
  readonly #onAway: () => void;
  #answered: Deferred<void> | undefined;
  #isDestroyed = false;

  constructor(client: PgClientLike, channel: string, { onNotice, onAway }: Listening) {
    this.#client = client;
    this.#channel = channel;
    this.#onAway = onAway;
    // For good: the connection is destroyed in the end, and may still have something to say then.
    client.on('error', () => this.#lost.resolve());
    client.on('end', () => this.#lost.resolve());
    client.on('notification', ({ channel: from, payload = '' }: NotificationLike) => {
      if (from !== channel) return;
      if (payload === this.#probe) this.#answered?.resolve();
      else if (!payload.startsWith('probe:')) onNotice(payload);
    });
  }

  async listen(): Promise<void> {
    await this.#client.query(`LISTEN ${quoteIdentifier(this.#channel)}`);
    // What was told before it listened.
    this.#onAway();
  }

  /** Resolves when the connection is lost or gives no answer; rejects when `signal` aborts. */
  async untilLost(signal: AbortSignal): Promise<void> {
    while (await this.#isAlive(signal)) {
      if (await this.#isLostWithin(PROBE_MS, signal)) return;
    }
  }

  destroy(): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.#client.release(true);
  }

  /** Tells itself something: also a pooler that hands the session to others is found so. */
  async #isAlive(signal: AbortSignal): Promise<boolean> {
    this.#answered = createDeferred();
    const probing = this.#client.query('SELECT pg_notify($1, $2)', [this.#channel, this.#probe]);
    const answered = Promise.all([probing, this.#answered.promise]).then(() => true);
    const late = new AbortController();
    try {
      const lost = this.#lost.promise.then(() => false);
      const silence = sleep(ANSWER_MS, { signal: late.signal, background: true }).then(() => false);
      silence.catch(() => undefined);
      return await raceAbort(Promise.race([answered, lost, silence]), signal);
    } finally {
      late.abort();
    }
  }

  async #isLostWithin(ms: number, signal: AbortSignal): Promise<boolean> {
    const late = new AbortController();
    try {
      const lost = this.#lost.promise.then(() => true);
      const pause = sleep(ms, { signal: late.signal, background: true }).then(() => false);
      pause.catch(() => undefined);
      return await raceAbort(Promise.race([lost, pause]), signal);
    } finally {
      late.abort();
    }
  }
}
