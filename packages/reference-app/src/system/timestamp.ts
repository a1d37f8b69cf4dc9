/** A point in time as whole microseconds since the Unix epoch: exact in a number until the year 2255. */
export type Micros = number;

/** Epoch numbers below this are seconds, from it on milliseconds: 1e11 s is the year 5138, 1e11 ms is 1973. */
const FIRST_MILLISECONDS = 1e11;

const ISO =
  /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2})?)(?:[.,](\d{1,9}))?(Z|[+-]\d{2}:?\d{2})?$/i;

/**
 * Reads an ISO 8601 text (without an offset it counts as UTC) or an epoch number in seconds or milliseconds, with
 * any fraction. Keeps microseconds, which is what a `timestamptz` holds; finer digits are cut.
 *
 * Returns undefined for anything else, and for a time outside the years 1685 to 2254, in which a number holds
 * microseconds exactly.
 */
export function parseTimestamp(value: unknown): Micros | undefined {
  if (typeof value === 'number') return fromEpoch(value);
  if (typeof value !== 'string') return undefined;
  const match = ISO.exec(value.trim());
  if (match === null) return undefined;
  const [, date, time, fraction = '', offset = 'Z'] = match;
  const wholeMs = Date.parse(`${String(date)}T${String(time)}${colonOffset(offset)}`);
  if (Number.isNaN(wholeMs)) return undefined;
  return withinRange(wholeMs * 1000 + Number(fraction.padEnd(6, '0').slice(0, 6)));
}

/** ISO 8601 in UTC with microseconds, as PostgreSQL reads it without loss. */
export function formatTimestamp(micros: Micros): string {
  const wholeMs = Math.floor(micros / 1000);
  const rest = String(micros - wholeMs * 1000).padStart(3, '0');
  return new Date(wholeMs).toISOString().replace('Z', `${rest}Z`);
}

function fromEpoch(epoch: number): Micros | undefined {
  if (!Number.isFinite(epoch)) return undefined;
  const perUnit = Math.abs(epoch) < FIRST_MILLISECONDS ? 1_000_000 : 1_000;
  return withinRange(Math.round(epoch * perUnit));
}

const EARLIEST: Micros = Date.parse('1685-01-01T00:00:00Z') * 1000;
const LATEST: Micros = Date.parse('2255-01-01T00:00:00Z') * 1000 - 1;

function withinRange(micros: Micros): Micros | undefined {
  return micros >= EARLIEST && micros <= LATEST ? micros : undefined;
}

/** `+0200` → `+02:00`, the only form that `Date.parse` must accept (ECMA-262, Date Time String Format). */
function colonOffset(offset: string): string {
  if (offset.toUpperCase() === 'Z') return 'Z';
  return offset.includes(':') ? offset : `${offset.slice(0, 3)}:${offset.slice(3)}`;
}
