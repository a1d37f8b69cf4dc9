interface Entry {
  dueMs: number;
  failures: number;
  rounds: number;
  isRetry: boolean;
  isInFlight: boolean;
  readonly id: string;
  readonly sinceMs: number;
}

/** What was sent and has no verdict that settles it: in flight, or waiting to be sent again. */
export class SentBook {
  /** In the order in which they were sent first. */
  readonly #entries = new Map<number, Entry>();
  /** A heap by the time when they are due; entries that have changed since are skipped when they come up. */
  readonly #heap: { readonly seq: number; readonly dueMs: number }[] = [];

  get size(): number {
    return this.#entries.size;
  }

  get oldest():
    { readonly id: string; readonly sinceMs: number; readonly rounds: number } | undefined {
    const [first] = this.#entries.values();
    return first;
  }

  failuresOf(seq: number): number {
    return this.#entries.get(seq)?.failures ?? 0;
  }

  isRetry(seq: number): boolean {
    return this.#entries.get(seq)?.isRetry ?? false;
  }

  depart(seq: number, id: string, nowMs: number): void {
    const entry = this.#entries.get(seq);
    if (entry !== undefined) entry.isInFlight = true;
    else {
      const fresh = { id, dueMs: 0, failures: 0, rounds: 0, isRetry: false, sinceMs: nowMs };
      this.#entries.set(seq, { ...fresh, isInFlight: true });
    }
  }

  /** Not before `dueMs` again. `how` says what its last request has come to. */
  wait(
    seq: number,
    dueMs: number,
    how: {
      readonly id: string;
      readonly nowMs: number;
      readonly as: 'unanswered' | 'put-off' | 'new';
    },
  ): void {
    if (!this.#entries.has(seq)) this.depart(seq, how.id, how.nowMs);
    const entry = this.#entries.get(seq);
    if (entry === undefined) return;
    entry.failures = how.as === 'unanswered' ? entry.failures + 1 : 0;
    entry.isRetry = how.as === 'put-off';
    entry.isInFlight = false;
    entry.dueMs = dueMs;
    this.#push({ seq, dueMs });
  }

  /** After a conflict it is another edit, but no younger. */
  startRound(seq: number, rounds: number): void {
    const entry = this.#entries.get(seq);
    if (entry === undefined) return;
    entry.rounds = rounds;
    entry.isInFlight = false;
    entry.isRetry = false;
    entry.failures = 0;
    entry.dueMs = Infinity;
  }

  forget(seq: number): void {
    this.#entries.delete(seq);
  }

  /** Those that are due, without taking them; not more than `limit`. */
  due(nowMs: number, limit: number): number[] {
    const seqs = new Set<number>();
    while (seqs.size < limit) {
      const first = this.#first();
      if (first === undefined || first.dueMs > nowMs) break;
      this.#pop();
      seqs.add(first.seq);
    }
    for (const seq of seqs) this.#push({ seq, dueMs: this.#entries.get(seq)?.dueMs ?? nowMs });
    return [...seqs];
  }

  nextDueMs(): number | undefined {
    return this.#first()?.dueMs;
  }

  /** Lets all that only waits for an answer be due now: somebody wants to know. */
  hurry(nowMs: number): void {
    for (const [seq, entry] of this.#entries) {
      if (entry.isInFlight || entry.isRetry || entry.dueMs === Infinity) continue;
      if (entry.dueMs <= nowMs) continue;
      entry.dueMs = nowMs;
      this.#push({ seq, dueMs: nowMs });
    }
  }

  #first(): { readonly seq: number; readonly dueMs: number } | undefined {
    for (;;) {
      const top = this.#heap[0];
      if (top === undefined) return undefined;
      const entry = this.#entries.get(top.seq);
      if (entry !== undefined && !entry.isInFlight && entry.dueMs === top.dueMs) return top;
      this.#pop();
    }
  }

  #push(item: { readonly seq: number; readonly dueMs: number }): void {
    const heap = this.#heap;
    heap.push(item);
    let place = heap.length - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!this.#swapIfEarlier(place, parent)) break;
      place = parent;
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    let place = 0;
    for (;;) {
      const left = 2 * place + 1;
      const right = left + 1;
      const isRight = (heap[right]?.dueMs ?? Infinity) < (heap[left]?.dueMs ?? Infinity);
      const child = isRight ? right : left;
      if (!this.#swapIfEarlier(child, place)) return;
      place = child;
    }
  }

  /** Swaps two when the one below is due earlier. */
  #swapIfEarlier(below: number, above: number): boolean {
    const [lower, upper] = [this.#heap[below], this.#heap[above]];
    if (lower === undefined || upper === undefined || lower.dueMs >= upper.dueMs) return false;
    this.#heap[below] = upper;
    this.#heap[above] = lower;
    return true;
  }
}
