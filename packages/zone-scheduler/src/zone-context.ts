import type { ZoneContext } from './zone.ts';

/** Its controller exists only when somebody has read the signal: most handlers never do. */
export class LazyZoneContext implements ZoneContext {
  readonly cycle: number;
  readonly deadlineMs: number;
  #controller: AbortController | undefined;
  #aborted: { readonly reason: unknown } | undefined;

  constructor(cycle: number, deadlineMs: number) {
    this.cycle = cycle;
    this.deadlineMs = deadlineMs;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.reason);
    }
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#aborted = { reason };
    this.#controller?.abort(reason);
  }
}
