import type { Codec } from './codec.ts';
import { compareBytes, hashBytes } from './key-bytes.ts';
import type { NulPolicy, PgValue } from './pg-types.ts';
import { unfit, UnfitValue } from './unfit-value.ts';
import { writeUtf8 } from './text.ts';

/** `json` keeps its text, `\u0000` too; it has no equality in PostgreSQL, so a key of it is compared by its bytes. */
export function createJsonCodec(nul: NulPolicy): Codec {
  return {
    oid: 114,
    arrayOid: 199,
    isBytewise: true,
    write: (out, value) => writeUtf8(out, jsonOf(value, nul)),
    text: (value) => jsonOf(value, nul),
    read: (bytes, at, length) => JSON.parse(bytes.toString('utf8', at, at + length)) as PgValue,
    parse: (text) => JSON.parse(text) as PgValue,
  };
}

export function createJsonbCodec(nul: NulPolicy): Codec {
  return {
    oid: 3802,
    arrayOid: 3807,
    isBytewise: false,
    key: {
      hash: (bytes, at, length, seed) => {
        const sorted = Buffer.from(sortedText(bytes.toString('utf8', at + 1, at + length)));
        return hashBytes(sorted, 0, sorted.length, seed);
      },
      compare: (a, b) => {
        if (compareBytes(a, b) === 0) return 0;
        const [first, second] = [a, b].map(({ bytes, at, length }) =>
          sortedText(bytes.toString('utf8', at + 1, at + length)),
        );
        return first === second ? 0 : (first ?? '') < (second ?? '') ? -1 : 1;
      },
    },
    write: (out, value) => {
      const text = storableInJsonb(jsonOf(value, nul));
      const start = out.length;
      out.int32(0);
      out.uint8(VERSION);
      out.utf8(text);
      out.setInt32(start, out.length - start - 4);
    },
    text: (value) => storableInJsonb(jsonOf(value, nul)),
    read: (bytes, at, length) => JSON.parse(bytes.toString('utf8', at + 1, at + length)) as PgValue,
    parse: (text) => JSON.parse(text) as PgValue,
  };
}

/** The first byte of jsonb's binary form. */
const VERSION = 1;

function jsonOf(value: unknown, nul: NulPolicy): string {
  const text = stringify(value);
  if (text === undefined) throw unfit('a JSON value', value);
  // It would come back as null, which is NULL.
  if (text === 'null') throw new UnfitValue('must be a JSON value other than null, got JSON null');
  return nul === 'strip' && text.includes('\\u0000') ? withoutNul(text) : text;
}

function stringify(value: unknown): string | undefined {
  try {
    const text = JSON.stringify(value) as string | undefined;
    // What has no form in JSON has become null; a replacer is slow, so only a text with a null is looked at again.
    return text?.includes('null') === true ? JSON.stringify(value, refuseLoss) : text;
  } catch (error) {
    if (error instanceof UnfitValue) throw error;
    if (error instanceof TypeError && error.message.includes('BigInt')) {
      throw new UnfitValue('JSON cannot hold a bigint: give a number or a string', {
        cause: error,
      });
    }
    throw new UnfitValue('JSON.stringify failed', { cause: error });
  }
}

function refuseLoss(this: unknown, key: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new UnfitValue(`JSON cannot hold ${value}${placeOf(key)}`);
  }
  if (value === null && (this as Record<string, unknown>)[key] instanceof Date) {
    throw new UnfitValue(`JSON cannot hold an invalid Date${placeOf(key)}`);
  }
  return value;
}

function placeOf(key: string): string {
  return key === '' ? '' : `, found at ${JSON.stringify(key).slice(0, 60)}`;
}

/** Escapes are read from the left: in `\\u0000` the first backslash escapes the second. */
const ESCAPE = /\\(?:u[\da-f]{4}|.)/gi;

function withoutNul(text: string): string {
  const stripped = text.replace(ESCAPE, (escape) => (escape === '\\u0000' ? '' : escape));
  // Two names may have become one, and their order another.
  return JSON.stringify(JSON.parse(stripped));
}

/** jsonb decodes its strings (SQLSTATE 22P05 and 22P02). JSON.stringify escapes a surrogate only when it is alone. */
function storableInJsonb(text: string): string {
  if (!text.includes('\\u')) return text;
  for (const [escape] of text.matchAll(ESCAPE)) {
    if (escape === '\\u0000') throw new UnfitValue('jsonb cannot hold a NUL character');
    if (/^\\ud[89a-f]/i.test(escape)) throw new UnfitValue('jsonb holds half a surrogate pair');
  }
  return text;
}

/** One notation for documents that are equal as jsonb, which forgets the order of names. */
function sortedText(text: string): string {
  return JSON.stringify(JSON.parse(text), (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}
