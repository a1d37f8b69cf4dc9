/**
 * An HTTP-date as milliseconds since the epoch, in all three formats: `Sun, 06 Nov 1994 08:49:37 GMT`,
 * `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994`. A year of two digits that would be more than 50 years
 * ahead of `nowWallMs` is the latest past one. `undefined`: it is none. Source: RFC 9110, 5.6.7.
 */
export function parseHttpDate(text: string, nowWallMs: number): number | undefined {
  for (const format of FORMATS) {
    const parts = format.exec(text)?.groups;
    if (parts === undefined) continue;
    const { day = '', month = '', year = '', time = '' } = parts;
    const date = [Number(day), MONTHS.indexOf(month), Number(year), time] as const;
    return year.length === 4 ? dateOf(date) : withCentury(date, nowWallMs);
  }
  return undefined;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const MONTH = `(?<month>${MONTHS.join('|')})`;
const TIME = String.raw`(?<time>\d\d:\d\d:\d\d)`;
const DAYS = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
const LONG_DAYS = '(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)';

const FORMATS = [
  new RegExp(String.raw`^${DAYS}, (?<day>\d\d) ${MONTH} (?<year>\d{4}) ${TIME} GMT$`),
  new RegExp(String.raw`^${LONG_DAYS}, (?<day>\d\d)-${MONTH}-(?<year>\d\d) ${TIME} GMT$`),
  new RegExp(String.raw`^${DAYS} ${MONTH} (?<day>\d\d| \d) ${TIME} (?<year>\d{4})$`),
];

/** Day, month from 0, year, `hh:mm:ss`. */
type DateParts = readonly [number, number, number, string];

function withCentury([day, month, year, time]: DateParts, nowWallMs: number): number | undefined {
  const now = new Date(nowWallMs);
  const century = Math.floor(now.getUTCFullYear() / 100) * 100;
  const inCentury = (years: number): number | undefined => dateOf([day, month, years + year, time]);
  const latestMs = new Date(nowWallMs).setUTCFullYear(now.getUTCFullYear() + 50);
  const isNear = (ms: number | undefined): boolean => ms !== undefined && ms <= latestMs;
  return [century + 100, century].map(inCentury).find(isNear) ?? inCentury(century - 100);
}

/** `undefined` for a 30 February or a 25th hour; a leap second counts as the second after it. */
function dateOf([day, month, year, time]: DateParts): number | undefined {
  const [hours = 0, minutes = 0, seconds = 0] = time.split(':').map(Number);
  if (hours > 23 || minutes > 59 || seconds > 60) return undefined;
  const ms = Date.UTC(year, month, day, hours, minutes, seconds);
  const midnight = new Date(Date.UTC(year, month, day));
  const isReal = midnight.getUTCDate() === day && midnight.getUTCFullYear() === year;
  return isReal ? ms : undefined;
}
