import { civilOf, DAYS_TO_2000, daysOf, isoDate, isoOfPgDate, pgDate } from './calendar.ts';
import type { Codec } from './codec.ts';
import { int32At } from './key-bytes.ts';
import { unfit, UnfitValue } from './unfit-value.ts';

/** An int32 of days since 2000. */
export const dateCodec: Codec = {
  oid: 1082,
  arrayOid: 1182,
  isBytewise: true,
  write: (out, value) => {
    const days = daysFrom2000(value);
    out.int32(4);
    out.int32(days);
  },
  text: (value) => {
    const days = daysFrom2000(value);
    return infinityOf(days) ?? pgDate(civilOf(days + DAYS_TO_2000)).join('');
  },
  read: (bytes, at) => {
    const days = int32At(bytes, at);
    return infinityOf(days) ?? isoDate(civilOf(days + DAYS_TO_2000));
  },
  parse: (text) => (text.endsWith('infinity') ? text : isoOfPgDate(text)),
  orderOf: (bytes, at) => int32At(bytes, at),
};

/** The ends of int32, which stand for PostgreSQL's infinities. */
const FOREVER = 2 ** 31 - 1;
const NEVER = -(2 ** 31);

/** PostgreSQL's range, from 24 November 4714 BC to the end of 5874897 (date.h, timestamp.h). */
const FIRST = -2_451_545;
const LAST = 2_145_031_948;

const ISO_DATE = /^(\d{4}|\+\d{6,7}|-(?!0{6,7}-)\d{6,7})-(\d\d)-(\d\d)$/;

function daysFrom2000(value: unknown): number {
  if (value === 'infinity') return FOREVER;
  if (value === '-infinity') return NEVER;
  if (value instanceof Date) {
    const ms = value.getTime();
    if (Number.isNaN(ms)) throw new UnfitValue('the Date must be valid');
    return inRange(Math.floor(ms / 86_400_000) - DAYS_TO_2000);
  }
  const parts = typeof value === 'string' ? ISO_DATE.exec(value) : null;
  if (parts === null) throw unfit('a Date or text as YYYY-MM-DD', value);
  const [text, year, month, day] = parts;
  const days = daysOf(Number(year), Number(month), Number(day));
  if (days === undefined) {
    throw new UnfitValue(
      `must be a day that exists, got ${JSON.stringify(text)}: the calendar does not have it`,
    );
  }
  return inRange(days - DAYS_TO_2000);
}

function inRange(days: number): number {
  if (days < FIRST || days > LAST) {
    throw new UnfitValue('the day must be within the years -4713 and 5874897');
  }
  return days;
}

function infinityOf(days: number): string | undefined {
  if (days === FOREVER) return 'infinity';
  return days === NEVER ? '-infinity' : undefined;
}
