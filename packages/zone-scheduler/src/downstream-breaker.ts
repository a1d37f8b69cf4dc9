import type { FailureClass } from './zone.ts';

export interface DownstreamBreakerOptions {
  readonly sample: number;
  readonly failureRate: number;
  readonly probeEveryMs: number;
}

/**
 * Tells a dead downstream from failing zones by the last results of the healthy zones.
 *
 * - closed  from the start: zones are started
 * - open    entered when more than `failureRate` of the last `sample` results are the downstream's fault, or all of them are
 *           that or timeouts of runs after which none was started that has succeeded: dead zones time out together, when the
 *           others are long done; one zone each `probeEveryMs` may be started; left with the first that succeeds
 */
export class DownstreamBreaker {
  readonly #options: DownstreamBreakerOptions;
  readonly #results: Uint8Array;
  #next = 0;
  #seen = 0;
  #downstream = 0;
  #timeouts = 0;
  /** Infinity while closed. */
  #probeDueMs = Infinity;
  #openedMs = Infinity;
  /** Latest start of a run that has succeeded. */
  #servedMs = -Infinity;

  constructor(options: DownstreamBreakerOptions) {
    this.#options = options;
    this.#results = new Uint8Array(options.sample);
  }

  get isOpen(): boolean {
    return this.#probeDueMs !== Infinity;
  }

  /** When the next probe may be started; Infinity while closed. */
  get probeDueMs(): number {
    return this.#probeDueMs;
  }

  /** Since when it is open; Infinity while closed. */
  get openedMs(): number {
    return this.#openedMs;
  }

  /** While open: of a zone that was tried, and of no other. Returns whether the state has changed. */
  record(result: 'ok' | FailureClass, nowMs: number, startedMs: number): boolean {
    if (result === 'ok') this.#servedMs = Math.max(this.#servedMs, startedMs);
    if (this.isOpen) {
      if (result !== 'ok') return false;
      this.#close();
      return true;
    }
    const isServed = result === 'timeout' && startedMs <= this.#servedMs;
    this.#push(isServed ? CODES.ok : CODES[result]);
    const { sample, failureRate } = this.#options;
    const isDown =
      this.#seen >= sample &&
      (this.#downstream > failureRate * sample || this.#downstream + this.#timeouts === sample);
    if (!isDown) return false;
    this.#openedMs = nowMs;
    this.#probeDueMs = nowMs + this.#options.probeEveryMs;
    return true;
  }

  /** Takes the right to start one zone, if it is due. */
  takeProbe(nowMs: number): boolean {
    if (nowMs < this.#probeDueMs) return false;
    this.#probeDueMs = nowMs + this.#options.probeEveryMs;
    return true;
  }

  #push(code: number): void {
    const old = this.#seen < this.#options.sample ? 0 : (this.#results[this.#next] ?? 0);
    if (old === CODES.downstream) this.#downstream -= 1;
    else if (old === CODES.timeout) this.#timeouts -= 1;
    if (code === CODES.downstream) this.#downstream += 1;
    else if (code === CODES.timeout) this.#timeouts += 1;
    this.#results[this.#next] = code;
    this.#next = (this.#next + 1) % this.#options.sample;
    if (this.#seen < this.#options.sample) this.#seen += 1;
  }

  #close(): void {
    this.#probeDueMs = Infinity;
    this.#openedMs = Infinity;
    this.#seen = 0;
    this.#next = 0;
    this.#downstream = 0;
    this.#timeouts = 0;
    this.#results.fill(0);
  }
}

const CODES = { ok: 0, downstream: 1, timeout: 2, zone: 0, ownership: 0, bug: 0 } as const;
