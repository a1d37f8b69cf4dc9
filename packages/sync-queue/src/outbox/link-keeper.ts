import type { Backoff, Clock } from '@holdfast/internal';
import { nextLink, type Link, type LinkEvent, type LinkTrouble } from './link.ts';

export interface LinkContext {
  readonly clock: Clock;
  readonly backoff: Backoff;
  readonly onChange: (change: {
    readonly isUp: boolean;
    readonly trouble: LinkTrouble | undefined;
  }) => void;
}

/** Holds the state of the link, and tells when the link comes up, goes down or is in other trouble. */
export class LinkKeeper {
  readonly #context: LinkContext;
  #link: Link = { state: 'unproven' };

  constructor(context: LinkContext) {
    this.#context = context;
  }

  get current(): Link {
    return this.#link;
  }

  get trouble(): LinkTrouble | undefined {
    return this.#link.state === 'down' ? this.#link.reason : undefined;
  }

  move(event: LinkEvent): void {
    const { clock, backoff, onChange } = this.#context;
    const before = { state: this.#link.state, trouble: this.trouble };
    this.#link = nextLink(this.#link, event, { nowMs: clock.now(), backoff });
    const { state } = this.#link;
    if (state === 'unproven') return;
    if (state === before.state && this.trouble === before.trouble) return;
    onChange({ isUp: state === 'up', trouble: this.trouble });
  }
}
