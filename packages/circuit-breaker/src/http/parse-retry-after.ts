import { requireNumber } from '@holdfast/internal';
import { parseHttpDate } from './http-date.ts';
import { readHeader } from './read-header.ts';

/**
 * How long a response asks to wait, milliseconds, at least 0. From headers: `retry-after-ms`, `x-amz-retry-after` (both
 * milliseconds) or `retry-after`, the first that is well formed. From a single value: that of `retry-after`, seconds or
 * an HTTP-date. Only non-negative integers and dates of RFC 9110 count, anything else is `undefined`. A date in the
 * past is 0; `nowWallMs` is the time now, milliseconds since the Unix epoch. Source: RFC 9110, 10.2.3.
 *
 * @throws {TypeError | RangeError} unless `nowWallMs` is a finite number.
 */
export function parseRetryAfter(source: unknown, nowWallMs: number): number | undefined {
  requireNumber('nowWallMs', nowWallMs);
  if (typeof source !== 'object' || source === null) return parseValue(source, nowWallMs);
  return (
    parseInteger(readHeader(source, 'retry-after-ms'), 1) ??
    parseInteger(readHeader(source, 'x-amz-retry-after'), 1) ??
    parseValue(readHeader(source, 'retry-after'), nowWallMs)
  );
}

function parseValue(value: unknown, nowWallMs: number): number | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const text = String(value).trim();
  const seconds = parseInteger(text, 1_000);
  if (seconds !== undefined) return seconds;
  const untilMs = parseHttpDate(text, nowWallMs);
  return untilMs === undefined ? undefined : Math.max(0, untilMs - nowWallMs);
}

/** A number too large to be counted in is kept as large as can be: it must not mean "no wait". */
function parseInteger(text: string | undefined, unitMs: number): number | undefined {
  if (text === undefined || !/^\d+$/.test(text)) return undefined;
  return Math.min(Number(text) * unitMs, Number.MAX_SAFE_INTEGER);
}
