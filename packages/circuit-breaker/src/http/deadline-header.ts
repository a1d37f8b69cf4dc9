import { requireFunction, requireObject, systemClock, type Clock } from '@holdfast/internal';
import { readHeader } from './read-header.ts';

/** Headers of a request that is to be sent: a `Headers`, anything with `set`, or a plain object. */
export type HeadersToWrite =
  { set(name: string, value: string): unknown } | Record<string, unknown>;

export interface DeadlineHeader {
  readonly name: 'grpc-timeout';
  /**
   * Tells the server how much time is left, rounded down. Writes nothing when there is no deadline.
   *
   * @throws {TypeError} when an argument is wrong.
   */
  write(headers: HeadersToWrite, context: { remainingMs(): number }): void;
  /**
   * The deadline that a client has sent, on the clock's monotonic scale: `policy.execute(fn, deadlineHeader.read(headers))`.
   * `undefined` without one, or when it is malformed; never throws for what a client sent.
   */
  read(headers: unknown, clock?: Clock): { readonly deadline: number } | undefined;
}

/**
 * Hands a deadline on to another process as the time that is left, so that clocks need not agree; the time on the way
 * is not counted. Source: gRPC over HTTP2, "Timeout": at most 8 digits and a unit (`H`, `M`, `S`, `m`, `u`, `n`).
 */
export const deadlineHeader: DeadlineHeader = {
  name: 'grpc-timeout',
  write(headers, context) {
    requireObject('headers', headers);
    const { remainingMs: method } = requireObject<{ readonly remainingMs: unknown }>(
      'context',
      context,
    );
    requireFunction('context.remainingMs', method);
    const remainingMs = context.remainingMs();
    if (remainingMs === Infinity) return;
    const value = formatTimeout(remainingMs);
    if (isSettable(headers)) headers.set(deadlineHeader.name, value);
    else writeProperty(headers, value);
  },
  read(headers, clock = systemClock) {
    const remainingMs = parseTimeout(readHeader(headers, deadlineHeader.name));
    return remainingMs === undefined ? undefined : { deadline: clock.now() + remainingMs };
  },
};

/** From the finest that is written to the coarsest. */
const UNITS = [
  ['n', 1e-6],
  ['u', 1e-3],
  ['m', 1],
  ['S', 1_000],
  ['M', 60_000],
  ['H', 3_600_000],
] as const;
const MAX_VALUE = 99_999_999;

/** Milliseconds where they fit: finer ones only below one, coarser ones only beyond a day. */
function formatTimeout(remainingMs: number): string {
  // The value must be positive; a time that is up is the shortest there is.
  if (!(remainingMs > 0)) return '1n';
  for (const [unit, unitMs] of remainingMs < 1 ? UNITS : UNITS.slice(2)) {
    const value = Math.floor(remainingMs / unitMs);
    if (value <= MAX_VALUE) return `${Math.max(1, value)}${unit}`;
  }
  return `${MAX_VALUE}H`;
}

function parseTimeout(text: string | undefined): number | undefined {
  const [, digits, letter] = /^(\d{1,8})([HMSmun])$/.exec(text ?? '') ?? [];
  const unit = UNITS.find(([name]) => name === letter);
  return unit === undefined ? undefined : Number(digits) * unit[1];
}

function isSettable(headers: object): headers is { set(name: string, value: string): unknown } {
  return 'set' in headers && typeof headers.set === 'function';
}

/** Replaces one that is there in another case: there must not be two. */
function writeProperty(headers: Record<string, unknown>, value: string): void {
  const name = Object.keys(headers).find((one) => one.toLowerCase() === deadlineHeader.name);
  headers[name ?? deadlineHeader.name] = value;
}
