import type { PgType } from './batch-writer.ts';
import { dayOf, microsecondsOf } from './timestamp.ts';

/**
 * One notation for values that PostgreSQL holds equal, so that equal keys meet in one batch and one lane. Where two
 * equal values stay different (a case-insensitive collation, `1.0e1` and `10`), the server sees them as one key
 * (SQLSTATE 21000) and the batch is divided.
 */
export function canonicalText(type: PgType, text: string): string {
  switch (type) {
    case 'float8':
      return text === '-0' ? '0' : text;
    case 'float4':
      return String(Math.fround(Number(text)) + 0);
    case 'numeric':
      return canonicalNumeric(text);
    case 'timestamptz':
      return String(microsecondsOf(text) ?? text);
    case 'bool':
    case 'int2':
    case 'int4':
    case 'int8':
    case 'text':
    case 'uuid':
    case 'date':
    case 'json':
    case 'jsonb':
    case 'bytea':
      return text;
    default: {
      const impossible: never = type;
      return impossible;
    }
  }
}

/** Types whose order is the same here and in the server. */
export const ORDERED_TYPES = [
  'int2',
  'int4',
  'int8',
  'float4',
  'float8',
  'date',
  'timestamptz',
] as const satisfies readonly PgType[];

export type OrderedType = (typeof ORDERED_TYPES)[number];

/** A value to compare with `>`; undefined when it has no place in the order (NaN, the 30th of February). */
export function orderOf(type: OrderedType, text: string): number | bigint | undefined {
  switch (type) {
    case 'int2':
    case 'int4':
    case 'int8':
      return BigInt(text);
    case 'float4':
    case 'float8': {
      const value = type === 'float4' ? Math.fround(Number(text)) : Number(text);
      return Number.isNaN(value) ? undefined : value;
    }
    case 'date':
      return dayOf(text);
    case 'timestamptz':
      return microsecondsOf(text);
    default: {
      const impossible: never = type;
      return impossible;
    }
  }
}

function canonicalNumeric(text: string): string {
  const parts = /^([+-]?)0*(\d*)(?:\.(\d*?)0*)?$/.exec(text);
  if (parts === null) return text;
  const [, sign = '', whole = '', fraction = ''] = parts;
  const digits = `${whole === '' ? '0' : whole}${fraction === '' ? '' : `.${fraction}`}`;
  return sign === '-' && digits !== '0' ? `-${digits}` : digits;
}
