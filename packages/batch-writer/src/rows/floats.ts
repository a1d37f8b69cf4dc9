import type { Codec, KeyRule } from './codec.ts';
import { hashBytes } from './key-bytes.ts';
import { unfit, UnfitValue } from './unfit-value.ts';

/** -0 equals 0. NaN equals NaN in PostgreSQL and is the greatest; here it is always written with the same bytes. */
function createFloatKey(read: (bytes: Buffer, at: number) => number): KeyRule {
  return {
    hash: (bytes, at, length, seed) =>
      read(bytes, at) === 0 ? hashBytes(ZERO, 0, length, seed) : hashBytes(bytes, at, length, seed),
    compare: (a, b) => {
      const first = read(a.bytes, a.at);
      const second = read(b.bytes, b.at);
      if (first < second) return -1;
      if (first > second) return 1;
      return Number(Number.isNaN(first)) - Number(Number.isNaN(second));
    },
  };
}

const readSingle = (bytes: Buffer, at: number): number => bytes.readFloatBE(at);
const readDouble = (bytes: Buffer, at: number): number => bytes.readDoubleBE(at);

export const float4Codec: Codec = {
  oid: 700,
  arrayOid: 1021,
  isBytewise: false,
  key: createFloatKey(readSingle),
  write: (out, value) => {
    const single = singleOf(value);
    out.int32(4);
    if (Number.isNaN(single)) out.int32(NAN_4);
    else out.float32(single);
  },
  text: (value) => textOf(singleOf(value)),
  read: readSingle,
  parse: Number,
  orderOf: readSingle,
};

export const float8Codec: Codec = {
  oid: 701,
  arrayOid: 1022,
  isBytewise: false,
  key: createFloatKey(readDouble),
  write: (out, value) => {
    if (typeof value !== 'number') throw unfit('a number', value);
    out.int32(8);
    if (Number.isNaN(value)) {
      out.int32(NAN_8_HIGH);
      out.int32(0);
    } else out.float64(value);
  },
  text: (value) => {
    if (typeof value !== 'number') throw unfit('a number', value);
    return textOf(value);
  },
  read: readDouble,
  parse: Number,
  orderOf: readDouble,
};

/** A NaN of JavaScript may have any of many bit patterns. */
const NAN_4 = 0x7fc00000;
const NAN_8_HIGH = 0x7ff80000;
const ZERO = Buffer.alloc(8);

function singleOf(value: unknown): number {
  if (typeof value !== 'number') throw unfit('a number', value);
  const single = Math.fround(value);
  if (!Number.isFinite(single) && Number.isFinite(value)) {
    throw new UnfitValue(`${value} does not fit into a float of 32 bits`);
  }
  return single;
}

/** String(-0) is "0", which would lose the sign. */
function textOf(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}
