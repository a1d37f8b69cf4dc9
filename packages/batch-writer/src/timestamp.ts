/** True for an ISO time with its offset, or PostgreSQL's infinities. The calendar itself is left to the server. */
export function isTimestamptzText(text: string): boolean {
  return text === 'infinity' || text === '-infinity' || TIMESTAMPTZ.test(text);
}

/**
 * Microseconds since the epoch, PostgreSQL's precision (manual 8.5), so that equal instants in different notations
 * compare equal. Undefined for a date that the calendar does not have.
 */
export function microsecondsOf(text: string): bigint | undefined {
  if (text === 'infinity') return FOREVER;
  if (text === '-infinity') return -FOREVER;
  const parts = TIMESTAMPTZ.exec(text);
  if (parts === null) return undefined;
  const [, date = '', time = '', seconds = '00', fraction = '', offset = ''] = parts;
  const ms = Date.parse(`${date}T${time}:${seconds}Z`);
  if (Number.isNaN(ms)) return undefined;
  const micros = BigInt(Math.round(Number(`0.${fraction === '' ? '0' : fraction}`) * 1e6));
  return BigInt(ms) * 1000n + micros - offsetMicroseconds(offset);
}

/** Days since the epoch of a date as YYYY-MM-DD, or undefined when the calendar does not have it. */
export function dayOf(text: string): number | undefined {
  const ms = Date.parse(`${text}T00:00:00Z`);
  return Number.isNaN(ms) ? undefined : ms / 86_400_000;
}

const FOREVER = 2n ** 63n;

const TIMESTAMPTZ =
  /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2})(?::(\d{2})(?:\.(\d+))?)? ?([Zz]|[+-]\d{2}(?::?\d{2}(?::?\d{2})?)?)$/;

function offsetMicroseconds(offset: string): bigint {
  if (offset === 'Z' || offset === 'z') return 0n;
  const digits = offset.slice(1).replaceAll(':', '').padEnd(6, '0');
  const seconds =
    Number(digits.slice(0, 2)) * 3600 +
    Number(digits.slice(2, 4)) * 60 +
    Number(digits.slice(4, 6));
  return BigInt(offset.startsWith('-') ? -seconds : seconds) * 1_000_000n;
}
