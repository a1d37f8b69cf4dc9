import { kindOf } from './kind-of.ts';

/** @throws {TypeError} unless `signal` is one, or there is none. */
export function requireSignal(signal: AbortSignal | undefined): AbortSignal | undefined {
  if (signal === undefined) return undefined;
  const given: unknown = signal;
  const { aborted, addEventListener } = (given ?? {}) as Partial<AbortSignal>;
  if (typeof aborted === 'boolean' && typeof addEventListener === 'function') return signal;
  throw new TypeError(`signal must be an AbortSignal, got ${kindOf(signal)}`);
}
