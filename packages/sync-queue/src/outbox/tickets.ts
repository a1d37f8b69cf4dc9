import { createDeferred, type Deferred } from '@holdfast/internal';
import type { Ticket, TicketEnd } from './outbox.ts';

/** One for each unit of this run whose end somebody may want to know; small, for there may be many. */
class OpenTicket {
  #end: TicketEnd | undefined;
  #failure: Error | undefined;
  #deferred: Deferred<TicketEnd> | undefined;

  get settled(): Promise<TicketEnd> {
    if (this.#deferred === undefined) {
      this.#deferred = createDeferred<TicketEnd>();
      // Who never awaits it must not be told by the process.
      this.#deferred.promise.catch(() => undefined);
      if (this.#end !== undefined) this.#deferred.resolve(this.#end);
      else if (this.#failure !== undefined) this.#deferred.reject(this.#failure);
    }
    return this.#deferred.promise;
  }

  finish(end: TicketEnd): void {
    this.#end = end;
    this.#deferred?.resolve(end);
  }

  fail(error: Error): void {
    this.#failure = error;
    this.#deferred?.reject(error);
  }
}

/** The tickets of an outbox, by id. */
export class Tickets {
  readonly #open = new Map<string, OpenTicket>();

  /** A ticket of a unit that is held. */
  issue(id: string, isCoalesced: boolean): Ticket {
    const open = this.#open.get(id) ?? new OpenTicket();
    this.#open.set(id, open);
    return toTicket(id, isCoalesced, open);
  }

  /** A ticket that has ended already. */
  issueEnded(id: string, end: TicketEnd): Ticket {
    const open = new OpenTicket();
    open.finish(end);
    return toTicket(id, true, open);
  }

  finish(id: string, end: TicketEnd): void {
    this.#open.get(id)?.finish(end);
    this.#open.delete(id);
  }

  failAll(error: Error): void {
    for (const open of this.#open.values()) open.fail(error);
    this.#open.clear();
  }
}

function toTicket(id: string, isCoalesced: boolean, open: OpenTicket): Ticket {
  return Object.freeze({
    id,
    isCoalesced,
    get settled() {
      return open.settled;
    },
  });
}
