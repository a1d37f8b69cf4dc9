import type { PgType } from './batch-writer.ts';
import { isTimestamptzText } from './timestamp.ts';

/** Says why a value does not fit its column. */
export class UnfitValue extends Error {}

/**
 * The text form of a value, as PostgreSQL reads it for the type; null for null and undefined. Strict: what PostgreSQL
 * would store as something else (a local time, a rounded integer, half a surrogate pair) does not pass.
 *
 * @throws {UnfitValue}
 */
export function encodeValue(type: PgType, value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return ENCODERS[type](value);
}

export const PG_TYPES = [
  'bool',
  'int2',
  'int4',
  'int8',
  'float4',
  'float8',
  'numeric',
  'text',
  'uuid',
  'date',
  'timestamptz',
  'json',
  'jsonb',
  'bytea',
] as const satisfies readonly PgType[];

const ENCODERS: Readonly<Record<PgType, (value: unknown) => string>> = {
  bool: encodeBoolean,
  int2: (value) => encodeInteger(value, 15n),
  int4: (value) => encodeInteger(value, 31n),
  int8: (value) => encodeInteger(value, 63n),
  float4: encodeFloat,
  float8: encodeFloat,
  numeric: encodeNumeric,
  text: encodeText,
  uuid: encodeUuid,
  date: encodeDate,
  timestamptz: encodeTimestamptz,
  json: encodeJson,
  jsonb: encodeJson,
  bytea: encodeBytes,
};

function encodeBoolean(value: unknown): string {
  if (typeof value !== 'boolean') throw unfit('a boolean', value);
  return value ? 't' : 'f';
}

function encodeInteger(value: unknown, bits: bigint): string {
  const integer = toBigInt(value);
  if (integer === undefined) {
    throw unfit('a safe integer, a bigint or a string of digits', value);
  }
  if (integer < -(2n ** bits) || integer >= 2n ** bits) {
    throw new UnfitValue(`${integer} does not fit into ${bits + 1n} bits`);
  }
  return integer.toString();
}

function toBigInt(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value);
  if (typeof value === 'string' && /^-?\d{1,19}$/.test(value)) return BigInt(value);
  return undefined;
}

function encodeFloat(value: unknown): string {
  if (typeof value !== 'number') throw unfit('a number', value);
  // String(-0) is "0", which would lose the sign.
  return Object.is(value, -0) ? '-0' : String(value);
}

function encodeNumeric(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (typeof value === 'string' && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value))
    return value;
  throw unfit('a number, a bigint or a decimal string', value);
}

function encodeText(value: unknown): string {
  if (typeof value !== 'string') throw unfit('a string', value);
  if (value.includes('\u0000')) throw new UnfitValue('text cannot hold a NUL character');
  // UTF-8 has no form for half a pair; the driver would send U+FFFD instead.
  if (/\p{Surrogate}/u.test(value)) throw new UnfitValue('text holds half a surrogate pair');
  return value;
}

function encodeUuid(value: unknown): string {
  if (typeof value !== 'string' || !UUID.test(value)) throw unfit('a UUID', value);
  return value.toLowerCase();
}

const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i;

function encodeDate(value: unknown): string {
  if (value instanceof Date) return isoOf(value).slice(0, 10);
  if (typeof value === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(value)) return value;
  throw unfit('a Date or text as YYYY-MM-DD', value);
}

function encodeTimestamptz(value: unknown): string {
  if (value instanceof Date) return isoOf(value);
  // A time without its offset would depend on the session's time zone.
  if (typeof value === 'string' && isTimestamptzText(value)) return value;
  throw unfit('a Date or an ISO time with its offset', value);
}

function isoOf(date: Date): string {
  const year = date.getUTCFullYear();
  if (!(year >= 1 && year <= 9999)) {
    throw new UnfitValue('the Date must be valid and between the years 1 and 9999');
  }
  return date.toISOString();
}

function encodeJson(value: unknown): string {
  const text = stringify(value);
  if (text === undefined) throw unfit('a JSON value', value);
  return text;
}

function stringify(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (error) {
    throw new UnfitValue('JSON.stringify failed', { cause: error });
  }
}

function encodeBytes(value: unknown): string {
  if (!(value instanceof Uint8Array)) throw unfit('a Uint8Array', value);
  return `\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}`;
}

function unfit(wanted: string, value: unknown): UnfitValue {
  const got =
    typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint'
      ? JSON.stringify(String(value)).slice(0, 60)
      : typeof value;
  return new UnfitValue(`must be ${wanted}, got ${got}`);
}
