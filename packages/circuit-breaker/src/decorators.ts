import { requireObject } from '@holdfast/internal';
import { circuitBreaker } from './circuit-breaker/circuit-breaker.ts';
import type { CircuitBreakerOptions } from './circuit-breaker/options.ts';
import type { Policy } from './policy.ts';
import type { RetryOptions } from './retry/options.ts';
import { retry } from './retry/retry.ts';
import type { TimeoutOptions } from './timeout/options.ts';
import { timeout } from './timeout/timeout.ts';

/** A decorator of the standard kind (TC39 stage 3, TypeScript 5) for methods that return a promise of `T`, or of more. */
export type MethodDecorator<Alternative = never> = <This, Args extends unknown[], T>(
  method: (this: This, ...args: Args) => Promise<T | Alternative>,
  context: ClassMethodDecoratorContext<
    This,
    (this: This, ...args: Args) => Promise<T | Alternative>
  >,
) => (this: This, ...args: Args) => Promise<T | Alternative>;

/**
 * Runs each call of the method under `policy`, which all instances share.
 *
 * @throws {TypeError} when `policy` is not an object.
 */
export function Guarded<Alternative = never>(
  policy: Policy<Alternative>,
): MethodDecorator<Alternative> {
  requireObject('policy', policy);
  return (method) => policy.guard(method);
}

/** `@Guarded(retry(options))`. */
export function Retry(options?: RetryOptions): MethodDecorator {
  return Guarded(retry(options));
}

/** `@Guarded(timeout({ ms }))`. */
export function Timeout(ms: TimeoutOptions['ms']): MethodDecorator {
  return Guarded(timeout({ ms }));
}

/** `@Guarded(circuitBreaker(options))`. */
export function Break(options?: CircuitBreakerOptions): MethodDecorator {
  return Guarded(circuitBreaker(options));
}
