interface Entry {
  readonly value: string;
  readonly untilMs: number;
  /** When the value ends on the server, or somewhat sooner; Infinity: not known, or never. */
  readonly expiresMs: number;
}

/** The last values that this process has seen: bounded, the least recently used goes first. */
export class LocalEntries {
  readonly #maxEntries: number;
  readonly #ttlMs: number;
  /** In order of use, for a Map keeps the order of insertion. */
  readonly #entries = new Map<string, Entry>();

  constructor(options: { readonly maxEntries: number; readonly ttlMs: number }) {
    this.#maxEntries = options.maxEntries;
    this.#ttlMs = options.ttlMs;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Undefined as well when the value's own time is over. */
  get(key: string, nowMs: number): string | undefined {
    const entry = this.#use(key, nowMs);
    return entry === undefined || nowMs >= entry.expiresMs ? undefined : entry.value;
  }

  /** As `get`, but also a value whose own time is over. */
  getStale(key: string, nowMs: number): string | undefined {
    return this.#use(key, nowMs)?.value;
  }

  /** What was set at `nowMs`, for `ttlMs` milliseconds or for good. */
  set(key: string, value: string, nowMs: number, ttlMs = Infinity): void {
    this.#keep(key, { value, untilMs: nowMs + this.#ttlMs, expiresMs: nowMs + ttlMs });
  }

  /** What was read: it ends when it was known to end, as long as it is the same. */
  see(key: string, value: string, nowMs: number): void {
    const known = this.#entries.get(key);
    const isSame = known?.value === value && nowMs < known.expiresMs;
    const expiresMs = isSame ? known.expiresMs : Infinity;
    this.#keep(key, { value, untilMs: nowMs + this.#ttlMs, expiresMs });
  }

  /** There is no value on the server: unless its time was over, somebody has deleted it. */
  miss(key: string, nowMs: number): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined && nowMs < entry.expiresMs) this.#entries.delete(key);
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  #use(key: string, nowMs: number): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (nowMs >= entry.untilMs) return undefined;
    this.#entries.set(key, entry);
    return entry;
  }

  #keep(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (this.#entries.size <= this.#maxEntries) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }
}
