/** The window is cut into so many buckets, each forgotten as a whole. */
const BUCKETS = 60;

interface Bucket {
  requests: number;
  accepts: number;
}

/**
 * Requests of the last milliseconds, and how many of them were accepted. A request is counted when it is made, and its
 * acceptance in the same bucket, so that both are forgotten together. Expires by time, not by traffic.
 */
export class RequestWindow {
  requests = 0;
  accepts = 0;
  readonly #bucketMs: number;
  /** A ring. */
  readonly #buckets: readonly Bucket[] = Array.from({ length: BUCKETS }, () => ({
    requests: 0,
    accepts: 0,
  }));
  /** Number of the newest bucket, counted from the clock's origin. */
  #newest = -Infinity;

  constructor(windowMs: number) {
    this.#bucketMs = windowMs / BUCKETS;
  }

  expire(nowMs: number): void {
    const newest = Math.floor(nowMs / this.#bucketMs);
    if (newest <= this.#newest) return;
    for (let bucket = Math.max(this.#newest, newest - BUCKETS) + 1; bucket <= newest; bucket += 1) {
      const counts = this.#bucket(bucket);
      this.#add(counts, -counts.requests, -counts.accepts);
    }
    this.#newest = newest;
  }

  /** Counts one request in the newest bucket, and returns its number. Call `expire` first. */
  request(): number {
    this.#add(this.#bucket(this.#newest), 1, 0);
    return this.#newest;
  }

  /** A request that was counted in bucket number `number` was accepted. */
  accept(number: number): void {
    if (!this.#isForgotten(number)) this.#add(this.#bucket(number), 0, 1);
  }

  /** A request that was counted in bucket number `number` shall not count. */
  withdraw(number: number): void {
    if (!this.#isForgotten(number)) this.#add(this.#bucket(number), -1, 0);
  }

  #isForgotten(number: number): boolean {
    return number <= this.#newest - BUCKETS;
  }

  #bucket(number: number): Bucket {
    return this.#buckets[((number % BUCKETS) + BUCKETS) % BUCKETS] ?? { requests: 0, accepts: 0 };
  }

  #add(bucket: Bucket, requests: number, accepts: number): void {
    this.requests += requests;
    this.accepts += accepts;
    bucket.requests += requests;
    bucket.accepts += accepts;
  }
}
