import type { Clock, Timer } from '@holdfast/internal';
import type { OutboxConnection } from './outbox-store.ts';

export interface GuestsHost {
  readonly clock: Clock;
  readonly isHeld: (id: string) => Promise<boolean>;
  readonly onCommitted: (id: string) => void;
  readonly onRolledBack: (id: string) => void;
}

/** How often to look what became of a transaction of a caller. */
const LOOK_MS = 5;

/** Edits that are part of transactions of callers: finds out whether those were committed. */
export class Guests {
  readonly #host: GuestsHost;
  readonly #open = new Map<string, OutboxConnection>();
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(host: GuestsHost) {
    this.#host = host;
  }

  add(id: string, connection: OutboxConnection): void {
    this.#open.set(id, connection);
    this.#lookLater();
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #lookLater(): void {
    if (this.#isClosed || this.#open.size === 0) return;
    this.#timer ??= this.#host.clock.setTimer(() => {
      this.#timer = undefined;
      void this.#look().finally(() => this.#lookLater());
    }, LOOK_MS);
  }

  async #look(): Promise<void> {
    const { isHeld, onCommitted, onRolledBack } = this.#host;
    for (const [id, connection] of [...this.#open]) {
      // Before the rows: a transaction that ends in between is looked at again.
      if (connection.inTransaction) continue;
      let isCommitted: boolean;
      try {
        isCommitted = await isHeld(id);
      } catch {
        // Told as `storeError` already; the question stays open.
        return;
      }
      this.#open.delete(id);
      if (isCommitted) onCommitted(id);
      else onRolledBack(id);
    }
  }
}
