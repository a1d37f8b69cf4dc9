import { sleep, type Backoff, type Clock } from '@holdfast/internal';
import type { FailureClass, PgFailure } from './classify.ts';
import { RetryExhaustedError } from './errors.ts';

/** How a piece of work ended: `refused` for what is in it, `stopped` when the writer no longer sends. */
export type Outcome<T> =
  | { readonly status: 'done'; readonly value: T }
  | { readonly status: 'refused'; readonly error: unknown; readonly failure: PgFailure }
  | { readonly status: 'stopped' };

/** Classes of which a repetition changes nothing. */
const REFUSALS: ReadonlySet<FailureClass> = new Set(['row', 'conflict', 'ambiguous']);

export interface RetryContext {
  readonly backoff: Backoff;
  readonly maxElapsedMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly label: string;
  readonly classify: (error: unknown) => PgFailure;
  readonly isSending: () => boolean;
  /** How often the writer was resumed. */
  readonly resumptions: () => number;
  readonly onRetry: (retry: { attempt: number; delayMs: number; error: unknown }) => void;
  readonly halt: (error: unknown) => void;
}

/** Repeats `work` until it succeeds, fails for good or the writer stops. Never rejects. */
export async function runWithRetry<T>(
  work: () => Promise<T>,
  context: RetryContext,
): Promise<Outcome<T>> {
  let startedMs = context.clock.now();
  let resumptions = context.resumptions();
  let delayMs = 0;
  for (let attempt = 1; context.isSending(); attempt++) {
    try {
      return { status: 'done', value: await work() };
    } catch (error) {
      if (!context.isSending()) break;
      // An attempt from before a halt says nothing about what was repaired in it: it must not halt again.
      const isFromBeforeHalt = resumptions !== context.resumptions();
      if (isFromBeforeHalt) {
        resumptions = context.resumptions();
        startedMs = context.clock.now();
      }
      const failure = context.classify(error);
      if (REFUSALS.has(failure.class)) return { status: 'refused', error, failure };
      if (failure.class === 'halt') {
        if (isFromBeforeHalt) continue;
        context.halt(error);
        break;
      }
      const elapsedMs = context.clock.now() - startedMs;
      if (elapsedMs >= context.maxElapsedMs) {
        context.halt(new RetryExhaustedError(context.label, attempt, elapsedMs, error));
        break;
      }
      delayMs = context.backoff(attempt, delayMs);
      context.onRetry({ attempt, delayMs, error });
      await sleep(delayMs, context).catch(() => undefined);
    }
  }
  return { status: 'stopped' };
}
