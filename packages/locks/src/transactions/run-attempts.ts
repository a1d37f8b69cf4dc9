import { createBackoff, sleep, type Clock, type Random } from '@holdfast/internal';
import { isRetryable } from '../sqlstate.ts';
import { RetriesExhaustedError } from './transaction-errors.ts';

export interface Attempts {
  readonly label: string;
  /** False: one try. */
  readonly retry: ResolvedRetry | false;
  readonly signal: AbortSignal | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly onRetry: (event: {
    readonly attempt: number;
    readonly delayMs: number;
    readonly error: unknown;
  }) => void;
}

export interface ResolvedRetry {
  readonly attempts: number;
  readonly baseMs: number;
  readonly capMs: number;
}

/** Tries again, with a back-off of full jitter, what failed in a way that may pass: the whole of it, from the start. */
export function runAttempts<T>(
  run: (attempt: number) => Promise<T>,
  attempts: Attempts,
): Promise<T> {
  const { retry } = attempts;
  return retry === false ? run(1) : tryAgain(run, retry, attempts);
}

async function tryAgain<T>(
  run: (attempt: number) => Promise<T>,
  retry: ResolvedRetry,
  { label, signal, clock, random, onRetry }: Attempts,
): Promise<T> {
  const backoff = createBackoff({ baseMs: retry.baseMs, capMs: retry.capMs, random });
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run(attempt);
    } catch (error) {
      if (!isRetryable(error)) throw error;
      if (attempt >= retry.attempts) throw new RetriesExhaustedError(label, attempt, error);
      const delayMs = backoff(attempt, 0);
      onRetry({ attempt, delayMs, error });
      await sleep(delayMs, { clock, signal });
    }
  }
}
