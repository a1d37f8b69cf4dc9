import type { Codec } from './codec.ts';
import { unfit } from './unfit-value.ts';

export const uuidCodec: Codec = {
  oid: 2950,
  arrayOid: 2951,
  isBytewise: true,
  write: (out, value) => {
    const text = checked(value);
    out.int32(16);
    for (let at = 0; at < 36; at += 2) {
      if (text.charCodeAt(at) === HYPHEN) at += 1;
      out.uint8((digitOf(text.charCodeAt(at)) << 4) | digitOf(text.charCodeAt(at + 1)));
    }
  },
  text: (value) => checked(value).toLowerCase(),
  read: (bytes, at) => {
    const digits = bytes.toString('hex', at, at + 16);
    return [[0, 8], [8, 12], [12, 16], [16, 20], [20]]
      .map(([from, to]) => digits.slice(from, to))
      .join('-');
  },
  parse: (text) => text,
};

const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i;
const HYPHEN = 0x2d;

function checked(value: unknown): string {
  if (typeof value !== 'string' || !UUID.test(value)) throw unfit('a UUID', value);
  return value;
}

/** Of a hexadecimal digit in ASCII: the low bits of a letter, of either case, count from 1. */
function digitOf(code: number): number {
  return code < 0x40 ? code & 15 : (code & 7) + 9;
}
