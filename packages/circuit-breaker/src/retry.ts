import {
  createListeners,
  isHoldfastError,
  raceAbort,
  sleep,
  throwIfAborted,
} from '@holdfast/internal';
import { askClassifier } from './ask-classifier.ts';
import { abortSource, invoke, PassedContext } from './execution-context.ts';
import { resolveRetryOptions, type ResolvedRetryOptions, type RetryOptions } from './options.ts';
import { createPolicyMethods, type Run } from './policy-methods.ts';
import type { RetryEvents, RetryPolicy, Work } from './policy.ts';

/**
 * Calls the work again after a failure, with back-off in between; gives up with the last error itself. A rejection by
 * a circuit breaker is not retried. An abort ends a wait at once, with `signal.reason` and no further call.
 *
 * @throws {TypeError | RangeError} when an option is wrong.
 */
export function retry(options: RetryOptions = {}): RetryPolicy {
  const resolved = resolveRetryOptions(options);
  const { name, clock, backoff } = resolved;
  const listeners = createListeners<RetryEvents>();
  const counters = { calls: 0, succeeded: 0, gaveUp: 0, aborted: 0, retries: 0 };
  const gauges = { inFlight: 0 };

  const attemptUntilDone = async <T>(fn: Work<T>, source: AbortSignal | undefined): Promise<T> => {
    const startedMs = clock.now();
    for (let attempt = 1, previousMs = 0; ; attempt += 1) {
      throwIfAborted(source);
      try {
        return await raceAbort(invoke(fn, new PassedContext(attempt, source)), source);
      } catch (error) {
        throwIfAborted(source);
        const delayMs = backoff(attempt, previousMs);
        const elapsedMs = clock.now() - startedMs + delayMs;
        const reason = whyGiveUp(resolved, { error, attempt, elapsedMs });
        if (reason !== undefined) {
          listeners.emit('giveUp', { attempts: attempt, reason, error });
          throw error;
        }
        counters.retries += 1;
        listeners.emit('retry', { attempt, delayMs, error });
        await sleep(delayMs, { clock, signal: source });
        previousMs = delayMs;
      }
    }
  };

  const run: Run = async (fn, callOptions) => {
    const source = abortSource(callOptions);
    counters.calls += 1;
    gauges.inFlight += 1;
    try {
      const value = await attemptUntilDone(fn, source);
      counters.succeeded += 1;
      return value;
    } catch (error) {
      counters[source?.aborted === true ? 'aborted' : 'gaveUp'] += 1;
      throw error;
    } finally {
      gauges.inFlight -= 1;
    }
  };

  return {
    name,
    ...createPolicyMethods(run),
    on: (event, listener) => listeners.on(event, listener),
    snapshot: () => ({ name, kind: 'retry', counters: { ...counters }, gauges: { ...gauges } }),
  };
}

function whyGiveUp(
  options: ResolvedRetryOptions,
  failed: { readonly error: unknown; readonly attempt: number; readonly elapsedMs: number },
): RetryEvents['giveUp']['reason'] | undefined {
  const { error, attempt, elapsedMs } = failed;
  // Retrying against an open circuit only burns the attempts that its recovery will need.
  const isTurnedAway =
    isHoldfastError(error, 'CIRCUIT_OPEN') || isHoldfastError(error, 'CIRCUIT_ISOLATED');
  if (isTurnedAway) return 'not-retryable';
  if (!askClassifier('retryIf', error, () => options.retryIf(error, attempt))) {
    return 'not-retryable';
  }
  if (attempt >= options.attempts) return 'attempts';
  return elapsedMs > options.maxElapsedMs ? 'elapsed' : undefined;
}
