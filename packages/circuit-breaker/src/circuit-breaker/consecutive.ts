import { requireInteger } from '@holdfast/internal';
import { requireSavedCounts } from './saved-counts.ts';
import type { CallWindow, Trip } from './trip.ts';

/**
 * Opens the circuit after so many failures in a row.
 *
 * @throws {TypeError | RangeError} unless `failures` is an integer of at least 1.
 */
export function consecutive(failures: number): Trip {
  requireInteger('failures', failures, { min: 1 });
  return {
    shape: 'consecutive',
    slowOverMs: Infinity,
    createWindow: () => new ConsecutiveWindow(),
    isTripped: (window) => window.failures >= failures,
  };
}

class ConsecutiveWindow implements CallWindow {
  /** In a row, until now. */
  failures = 0;
  readonly slow = 0;

  get calls(): number {
    return this.failures;
  }

  record(isFailure: boolean): void {
    this.failures = isFailure ? this.failures + 1 : 0;
  }

  expire(): void {
    // What follows in a row does not grow old.
  }

  save(): readonly number[] {
    return [this.failures];
  }

  restore(saved: readonly number[]): void {
    [this.failures = 0] = requireSavedCounts(saved, 1);
  }
}
