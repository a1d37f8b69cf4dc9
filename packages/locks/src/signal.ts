import { requireBoolean, requireFunction, requireObject } from '@holdfast/internal';

/** @throws {TypeError} unless it is undefined, or has what is used of an `AbortSignal`. */
export function optionalSignal(signal: unknown): AbortSignal | undefined {
  if (signal === undefined) return undefined;
  const { aborted, addEventListener, removeEventListener } = requireObject(
    'signal',
    signal,
  ) as Readonly<Record<string, unknown>>;
  requireBoolean('signal.aborted', aborted);
  requireFunction('signal.addEventListener', addEventListener);
  requireFunction('signal.removeEventListener', removeEventListener);
  return signal as AbortSignal;
}
