/** Which idempotency keys were taken within the window, and by which items: the oldest are forgotten beyond `maxKeys`. */
export class IdempotencyWindow {
  readonly #taken = new Map<string, { readonly id: string; readonly untilMs: number }>();
  readonly #windowMs: number;
  readonly #maxKeys: number;

  constructor({ windowMs, maxKeys }: { readonly windowMs: number; readonly maxKeys: number }) {
    this.#windowMs = windowMs;
    this.#maxKeys = maxKeys;
  }

  find(key: string, nowMs: number): string | undefined {
    const taken = this.#taken.get(key);
    return taken !== undefined && taken.untilMs > nowMs ? taken.id : undefined;
  }

  take(key: string, id: string, nowMs: number): void {
    this.#taken.delete(key);
    this.#taken.set(key, { id, untilMs: nowMs + this.#windowMs });
    // In the order of their end, since the window is the same for all.
    for (const [oldest, { untilMs }] of this.#taken) {
      if (untilMs > nowMs && this.#taken.size <= this.#maxKeys) return;
      this.#taken.delete(oldest);
    }
  }
}
