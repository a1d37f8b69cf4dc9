import {
  createBackoff,
  isHoldfastError,
  requireFunction,
  requireInteger,
  requireObject,
  requireOptions,
  sleep,
  throwIfAborted,
  type Clock,
  type OptionNames,
  type Random,
} from '@holdfast/internal';
import { optionalSignal } from '../signal.ts';
import { RetriesExhaustedError } from '../transactions/transaction-errors.ts';
import type { RetryOptions } from '../transactions/transaction.ts';

export interface OptimisticRetryOptions extends RetryOptions {
  /**
   * Longest pause before the second try, milliseconds; it doubles from try to try. Default 16: writers that come back at
   * once meet those who have just won, and with 2 more of them give up on a row that is always wanted.
   */
  readonly baseMs?: number | undefined;
  /** Ends the pause between two tries at once; give it to what `fn` calls as well. */
  readonly signal?: AbortSignal | undefined;
  /** Default: the system's. */
  readonly clock?: Clock | undefined;
  /** Numbers in [0, 1) for the jitter. Default `Math.random`. */
  readonly random?: Random | undefined;
}

const OPTION_NAMES: OptionNames<OptimisticRetryOptions> = {
  attempts: true,
  baseMs: true,
  capMs: true,
  signal: true,
  clock: true,
  random: true,
};

/** Longest chain of causes that is followed. */
const MAX_CAUSES = 16;

/**
 * Calls `fn` again when somebody else was faster (`VERSION_CONFLICT`, also as the cause of another error), after a pause
 * with full jitter. `fn` must read the row anew at each try, outside of any transaction or in one of its own: above READ
 * COMMITTED an open transaction would read the same version again. The first attempt is 1.
 *
 * @throws {TypeError | RangeError} at once, when an argument is wrong.
 * Rejects with `RETRIES_EXHAUSTED`, whose cause is the last failure, with `signal.reason`, or with what else `fn` rejects with.
 */
export function withOptimisticRetry<T>(
  fn: (attempt: number) => Promise<T>,
  options: OptimisticRetryOptions = {},
): Promise<T> {
  requireFunction('fn', fn);
  requireOptions('withOptimisticRetry', options, OPTION_NAMES);
  const { random, clock } = options;
  const signal = optionalSignal(options.signal);
  // Whichever of the two is given, the other one fits.
  const capMs = options.capMs ?? Math.max(250, options.baseMs ?? 0);
  const baseMs = options.baseMs ?? Math.min(16, capMs);
  if (clock !== undefined) requireObject('clock', clock);
  const attempts = requireInteger('attempts', options.attempts ?? 10, { min: 1 });
  const backoff = createBackoff({ baseMs, capMs, random });

  const run = async (): Promise<T> => {
    for (let attempt = 1; ; attempt += 1) {
      throwIfAborted(signal);
      try {
        return await fn(attempt);
      } catch (error) {
        if (!isConflict(error)) throw error;
        if (attempt === attempts) {
          throw new RetriesExhaustedError('the optimistic update', attempts, error);
        }
      }
      await sleep(backoff(attempt, 0), { signal, clock });
    }
  };
  return run();
}

/** Not when an inner call has used up its own tries: they would multiply. */
function isConflict(error: unknown): boolean {
  let each: unknown = error;
  for (let depth = 0; depth < MAX_CAUSES && each !== undefined && each !== null; depth += 1) {
    if (isHoldfastError(each, 'VERSION_CONFLICT')) return true;
    if (isHoldfastError(each, 'RETRIES_EXHAUSTED')) return false;
    each = typeof each === 'object' && 'cause' in each ? each.cause : undefined;
  }
  return false;
}
