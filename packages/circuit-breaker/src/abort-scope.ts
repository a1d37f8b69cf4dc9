import type { AbortSource } from '@holdfast/internal';

/**
 * What a policy can abort: as an `AbortController` with its signal, but a plain object until somebody reads `signal`.
 * Creating and aborting a real controller for each call is most of what other timeouts cost.
 */
export class AbortScope implements AbortSource {
  aborted = false;
  reason: unknown = undefined;
  #listeners: readonly (() => void)[] = NOBODY;
  #controller: AbortController | undefined;

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.aborted) this.#controller.abort(this.reason);
    }
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    const listeners = this.#listeners;
    this.#listeners = NOBODY;
    for (const listener of listeners) listener();
    this.#controller?.abort(reason);
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners = this.#listeners === NOBODY ? [listener] : [...this.#listeners, listener];
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners =
      this.#listeners.length === 1 && this.#listeners[0] === listener
        ? NOBODY
        : this.#listeners.filter((other) => other !== listener);
  }
}

const NOBODY: readonly (() => void)[] = [];
