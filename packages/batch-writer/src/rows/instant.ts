import { civilOf, DAYS_TO_2000, daysOf, isoDate, isoOfPgDate, pgDate } from './calendar.ts';
import { unfit, UnfitValue } from './unfit-value.ts';

const DAY = 86_400_000_000;
const TO_2000 = BigInt(DAYS_TO_2000) * BigInt(DAY);

/** The ends of int64, which stand for PostgreSQL's infinities. */
const FOREVER = 2n ** 63n - 1n;
const NEVER = -(2n ** 63n);

/** PostgreSQL's range, from 24 November 4714 BC to the end of 294276 (timestamp.h). */
const FIRST = -211_813_488_000_000_000n;
const LAST = 9_223_371_331_199_999_999n;

/** The microseconds of fewer days are safe integers, and in range. */
const SAFE_DAYS = 100_000;
const SAFE_MS = SAFE_DAYS * 86_400_000;

/** Microseconds since 2000: a number where that is exact, else a bigint. */
export function instantOf(value: unknown): number | bigint {
  if (value instanceof Date) {
    const ms = value.getTime() - DAYS_TO_2000 * 86_400_000;
    if (Math.abs(ms) < SAFE_MS) return ms * 1000;
    if (Number.isNaN(ms)) throw new UnfitValue('the Date must be valid');
    return inRange(BigInt(ms) * 1000n);
  }
  if (typeof value === 'bigint') return inRange(value - TO_2000);
  if (value === 'infinity') return FOREVER;
  if (value === '-infinity') return NEVER;
  // A time without its offset would depend on the session's time zone.
  if (typeof value !== 'string' || !ISO_TIME.test(value)) {
    throw unfit('a Date, an ISO time with its offset or a bigint of microseconds', value);
  }
  return parseIso(value);
}

/** ISO 8601 in UTC, with 3 to 6 digits of the second. */
export function isoInstant(micros: number | bigint): string {
  return infinityOf(micros) ?? written(micros, (date) => [isoDate(date), 'T', 'Z']);
}

/** As PostgreSQL writes it, in UTC. */
export function pgInstant(micros: number | bigint, offset: '+00' | ''): string {
  return (
    infinityOf(micros) ??
    written(micros, (date) => {
      const [day, era] = pgDate(date);
      return [day, ' ', `${offset}${era}`];
    })
  );
}

/** The ISO form of what `pgInstant` gave. */
export function isoOfPgInstant(text: string): string {
  const parts = /^(\S+) ([\d:.]+)(?:\+00)?( BC)?$/.exec(text);
  if (parts === null) return text;
  const [, date = '', time = '', era = ''] = parts;
  return `${isoOfPgDate(`${date}${era}`)}T${time}Z`;
}

const ISO_TIME =
  /^(?:\d{4}|\+\d{6}|-(?!0{6})\d{6})-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)? ?(?:[Zz]|[+-]\d\d(?::?\d\d(?::?\d\d)?)?)$/;

const COLON = 0x3a;
const POINT = 0x2e;
const MINUS = 0x2d;

/** By place, as the form has been looked at: this allocates nothing. */
function parseIso(text: string): number | bigint {
  const month = text.charCodeAt(4) === MINUS ? 5 : 8;
  const year = month === 5 ? 100 * twoAt(text, 0) + twoAt(text, 2) : expandedYear(text);
  const days = daysOf(year, twoAt(text, month), twoAt(text, month + 3));
  if (days === undefined) throw refused(text, 'the calendar does not have the day');

  const hour = twoAt(text, month + 6);
  const minute = twoAt(text, month + 9);
  let at = month + 11;
  let second = 0;
  let micros = 0;
  if (text.charCodeAt(at) === COLON) {
    second = twoAt(text, at + 1);
    at += 3;
  }
  if (text.charCodeAt(at) === POINT) {
    let place = 1e6;
    for (at += 1; isDigit(text.charCodeAt(at)); at += 1) {
      place /= 10;
      micros += digitAt(text, at) * place;
    }
    if (place < 1) throw refused(text, 'PostgreSQL keeps microseconds, 6 digits of the second');
  }
  const isEndOfDay = hour === 24 && minute + second + micros === 0;
  if ((hour > 23 && !isEndOfDay) || minute > 59 || second > 59) {
    throw refused(text, 'the clock does not have the time');
  }
  const seconds = 3600 * hour + 60 * minute + second - offsetSeconds(text, at);
  const time = seconds * 1e6 + micros;
  const daysFrom2000 = days - DAYS_TO_2000;
  if (Math.abs(daysFrom2000) < SAFE_DAYS) return daysFrom2000 * DAY + time;
  return inRange(BigInt(daysFrom2000) * BigInt(DAY) + BigInt(time));
}

function expandedYear(text: string): number {
  const year = 10_000 * twoAt(text, 1) + 100 * twoAt(text, 3) + twoAt(text, 5);
  return text.charCodeAt(0) === MINUS ? -year : year;
}

function offsetSeconds(text: string, from: number): number {
  const sign = text.charCodeAt(from) === SPACE ? from + 1 : from;
  if (sign === text.length - 1) return 0;
  const hour = twoAt(text, sign + 1);
  let at = sign + 3;
  if (text.charCodeAt(at) === COLON) at += 1;
  const minute = at < text.length ? twoAt(text, at) : 0;
  at += 2;
  if (text.charCodeAt(at) === COLON) at += 1;
  const second = at < text.length ? twoAt(text, at) : 0;
  if (hour > 15 || minute > 59 || second > 59) {
    throw refused(text, 'the offset must be less than 16 hours');
  }
  const seconds = 3600 * hour + 60 * minute + second;
  return text.charCodeAt(sign) === MINUS ? -seconds : seconds;
}

const SPACE = 0x20;

function twoAt(text: string, at: number): number {
  return 10 * digitAt(text, at) + digitAt(text, at + 1);
}

function digitAt(text: string, at: number): number {
  return text.charCodeAt(at) - 0x30;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function refused(text: string, why: string): UnfitValue {
  return new UnfitValue(`must be a time that exists, got ${JSON.stringify(text)}: ${why}`);
}

function inRange(micros: bigint): bigint {
  if (micros < FIRST || micros > LAST) {
    throw new UnfitValue('the time must be within the years -4713 and 294276');
  }
  return micros;
}

function infinityOf(micros: number | bigint): string | undefined {
  if (micros === FOREVER) return 'infinity';
  return micros === NEVER ? '-infinity' : undefined;
}

function written(
  micros: number | bigint,
  around: (
    date: ReturnType<typeof civilOf>,
  ) => readonly [date: string, between: string, end: string],
): string {
  const days = typeof micros === 'number' ? Math.floor(micros / DAY) : Number(daysBelow(micros));
  const ofDay =
    typeof micros === 'number' ? micros - days * DAY : Number(micros - BigInt(days) * BigInt(DAY));
  const [date, between, end] = around(civilOf(days + DAYS_TO_2000));
  // Of 1970-01-01, so that the time of day is all that differs.
  const clock = new Date(Math.floor(ofDay / 1000)).toISOString().slice(11, 23);
  const below = String(ofDay % 1000)
    .padStart(3, '0')
    .replace(/0+$/, '');
  return `${date}${between}${clock}${below}${end}`;
}

/** Division of bigints rounds towards zero. */
function daysBelow(micros: bigint): bigint {
  const days = micros / BigInt(DAY);
  return days * BigInt(DAY) > micros ? days - 1n : days;
}
