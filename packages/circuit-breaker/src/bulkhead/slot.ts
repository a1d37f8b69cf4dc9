import type { CallContext, WorkTracker } from '../call-context.ts';

/** One running call's place. It is free again when nothing that the call has begun still runs, whoever waits for it. */
export class Slot implements WorkTracker {
  readonly #free: () => void;
  #running = 0;
  #isHeld = true;

  constructor(free: () => void) {
    this.#free = free;
  }

  begin(): void {
    this.#running += 1;
  }

  end(): void {
    this.#running -= 1;
    if (this.#running > 0 || !this.#isHeld) return;
    this.#isHeld = false;
    this.#free();
  }

  /** The context for what runs in this place. */
  contextIn(outer: CallContext): CallContext {
    const inner = outer.derive();
    inner.trackers = outer.trackers === undefined ? [this] : [...outer.trackers, this];
    return inner;
  }
}
