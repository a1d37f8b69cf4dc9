import { requireInteger, requireOptions, type OptionNames } from '@holdfast/internal';
import { resolveRates, type RateOptions } from './rates.ts';
import { requireSavedCounts } from './saved-counts.ts';
import type { CallWindow, Trip } from './trip.ts';

export interface CountWindowOptions extends RateOptions {
  /** So many of the last calls count; from 1 to 1 000 000. */
  readonly size: number;
}

const NAMES: OptionNames<CountWindowOptions> = {
  size: true,
  failureRate: true,
  minimumCalls: true,
  slow: true,
};

/**
 * Opens the circuit by the rates over the last `size` calls. One byte a call.
 *
 * @throws {TypeError | RangeError} when an option is wrong; `minimumCalls` above `size` could never be reached.
 */
export function countWindow(options: CountWindowOptions): Trip {
  requireOptions('countWindow', options, NAMES);
  const size = requireInteger('size', options.size, { min: 1, max: 1_000_000 });
  const wanted = options.minimumCalls ?? Math.min(20, size);
  const minimumCalls = requireInteger('minimumCalls', wanted, { min: 1, max: size });
  return {
    shape: `count ${size}`,
    createWindow: () => new CountWindow(size),
    ...resolveRates({ ...options, minimumCalls }),
  };
}

const FAILED = 1;
const SLOW = 2;

/** A ring: the newest call takes the place of the oldest. */
class CountWindow implements CallWindow {
  calls = 0;
  failures = 0;
  slow = 0;
  readonly #ring: Uint8Array;
  #next = 0;

  constructor(size: number) {
    this.#ring = new Uint8Array(size);
  }

  record(isFailure: boolean, isSlow: boolean): void {
    this.#push((isFailure ? FAILED : 0) | (isSlow ? SLOW : 0));
  }

  #push(entry: number): void {
    const ring = this.#ring;
    if (this.calls < ring.length) this.calls += 1;
    else this.#count(ring[this.#next] ?? 0, -1);
    this.#count(entry, 1);
    ring[this.#next] = entry;
    this.#next = (this.#next + 1) % ring.length;
  }

  #count(entry: number, by: 1 | -1): void {
    if ((entry & FAILED) !== 0) this.failures += by;
    if ((entry & SLOW) !== 0) this.slow += by;
  }

  expire(): void {
    // Only newer calls push older ones out.
  }

  /** Oldest first. */
  save(): readonly number[] {
    const { length } = this.#ring;
    const oldest = this.calls < length ? 0 : this.#next;
    return Array.from({ length: this.calls }, (_, i) => this.#ring[(oldest + i) % length] ?? 0);
  }

  restore(saved: readonly number[]): void {
    requireSavedCounts(saved, Math.min(saved.length, this.#ring.length));
    for (const entry of saved) this.#push(entry);
  }
}
