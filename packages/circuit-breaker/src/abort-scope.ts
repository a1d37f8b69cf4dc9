import type { AbortSource } from '@holdfast/internal';

/**
 * What a policy can abort: as an `AbortController` with its signal, but a plain object until somebody reads `signal`.
 * Creating and aborting a real controller for each call is most of what other timeouts cost.
 */
export class AbortScope implements AbortSource {
  aborted = false;
  reason: unknown = undefined;
  /** Nearly always there is at most one. */
  #first: (() => void) | undefined;
  #others: Set<() => void> | undefined;
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
    const [first, others] = [this.#first, this.#others];
    this.#first = this.#others = undefined;
    first?.();
    for (const listener of others ?? []) listener();
    this.#controller?.abort(reason);
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    if (this.#first === undefined) this.#first = listener;
    else (this.#others ??= new Set()).add(listener);
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    if (this.#first === listener) this.#first = undefined;
    else this.#others?.delete(listener);
  }
}
