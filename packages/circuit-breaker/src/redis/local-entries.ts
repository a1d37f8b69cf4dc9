/** The last values that this process has seen: bounded, the least recently used goes first. */
export class LocalEntries {
  readonly #maxEntries: number;
  readonly #ttlMs: number;
  /** In order of use, for a Map keeps the order of insertion. */
  readonly #entries = new Map<string, { readonly value: string; readonly untilMs: number }>();

  constructor(options: { readonly maxEntries: number; readonly ttlMs: number }) {
    this.#maxEntries = options.maxEntries;
    this.#ttlMs = options.ttlMs;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string, nowMs: number): string | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (nowMs >= entry.untilMs) return undefined;
    this.#entries.set(key, entry);
    return entry.value;
  }

  set(key: string, value: string, nowMs: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, untilMs: nowMs + this.#ttlMs });
    if (this.#entries.size <= this.#maxEntries) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }
}
