import { createDeferred, type Deferred } from '@holdfast/internal';

/** What is known of a write whose answer did not come. */
export type Settlement =
  | { readonly kind: 'applied'; readonly result: number }
  | { readonly kind: 'not-applied' }
  | { readonly kind: 'unknown' };

/** One write that was sent. */
export interface Ticket {
  readonly slot: number;
  readonly id: number;
  settlement: Settlement | undefined;
  waiting: Deferred<Settlement> | undefined;
}

/** So many writes may be unanswered on one connection: it bounds the size of its journal. */
const MAX_UNANSWERED = 1_024;

/** This side's view of a connection's journal: which writes are unanswered, and where the server notes each of them. */
export class Journal {
  readonly key: string;
  /** When the server was last told to keep it, on the clock's monotonic scale. */
  keptMs: number;
  readonly #unanswered = new Map<number, Ticket>();
  /** Slots that were used before: the server's hash grows only as large as the most writes at once. */
  readonly #free: number[] = [];
  #slots = 0;
  #lastId = 0;

  constructor(key: string, nowMs: number) {
    this.key = key;
    this.keptMs = nowMs;
  }

  /** A place for one more write; undefined: there is none. */
  begin(): Ticket | undefined {
    if (this.#unanswered.size >= MAX_UNANSWERED) return undefined;
    const slot = this.#free.pop() ?? ++this.#slots;
    const ticket: Ticket = { slot, id: ++this.#lastId, settlement: undefined, waiting: undefined };
    this.#unanswered.set(slot, ticket);
    return ticket;
  }

  /** The server has answered, or has never got the write. */
  end(ticket: Ticket): void {
    this.#unanswered.delete(ticket.slot);
    this.#free.push(ticket.slot);
  }

  get unanswered(): readonly Ticket[] {
    return [...this.#unanswered.values()];
  }
}

/** What `entry`, which the server holds in the ticket's slot, says about it. */
export function readEntry(ticket: Ticket, entry: unknown): Settlement {
  if (typeof entry !== 'string') return { kind: 'not-applied' };
  const [id, result] = entry.split(':');
  return Number(id) === ticket.id
    ? { kind: 'applied', result: Number(result) }
    : { kind: 'not-applied' };
}

export function settle(ticket: Ticket, settlement: Settlement): void {
  ticket.settlement ??= settlement;
  ticket.waiting?.resolve(ticket.settlement);
}

export function settlementOf(ticket: Ticket): Promise<Settlement> {
  if (ticket.settlement !== undefined) return Promise.resolve(ticket.settlement);
  ticket.waiting ??= createDeferred<Settlement>();
  return ticket.waiting.promise;
}
