/** Days from 1970-01-01 to 2000-01-01, from which PostgreSQL counts. */
export const DAYS_TO_2000 = 10_957;

const DAYS_OF_ERA = 146_097;

/**
 * Days since 1970-01-01 of a date of the proleptic Gregorian calendar, undefined when the calendar does not have it.
 * Year 0 is 1 BC. After Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil.
 */
export function daysOf(year: number, month: number, day: number): number | undefined {
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return undefined;
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const dayOfEra =
    yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * DAYS_OF_ERA + dayOfEra - 719_468;
}

export interface CivilDate {
  /** Year 0 is 1 BC. */
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

/** The date of a number of days since 1970-01-01; civil_from_days of the same source. */
export function civilOf(days: number): CivilDate {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / DAYS_OF_ERA);
  const dayOfEra = shifted - era * DAYS_OF_ERA;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1,
  };
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** As ISO 8601: four digits, or a sign and at least six. */
export function isoDate({ year, month, day }: CivilDate): string {
  const isExpanded = year < 0 || year > 9999;
  const digits = String(Math.abs(year)).padStart(isExpanded ? 6 : 4, '0');
  const sign = isExpanded ? (year < 0 ? '-' : '+') : '';
  return `${sign}${digits}-${twoDigits(month)}-${twoDigits(day)}`;
}

/** As PostgreSQL reads it, with ` BC` for its end: there the year before 1 is 1 BC. */
export function pgDate({ year, month, day }: CivilDate): readonly [date: string, era: string] {
  const digits = String(year > 0 ? year : 1 - year).padStart(4, '0');
  return [`${digits}-${twoDigits(month)}-${twoDigits(day)}`, year > 0 ? '' : ' BC'];
}

/** The ISO form of what `pgDate` gave, its end included. */
export function isoOfPgDate(text: string): string {
  const [, year = '', month = '', day = '', era] = /^(\d+)-(\d\d)-(\d\d)( BC)?$/.exec(text) ?? [];
  return isoDate({
    year: era === undefined ? Number(year) : 1 - Number(year),
    month: Number(month),
    day: Number(day),
  });
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
