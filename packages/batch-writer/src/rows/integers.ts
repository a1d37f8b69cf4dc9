import type { ByteWriter } from './byte-writer.ts';
import type { Codec } from './codec.ts';
import { int32At } from './key-bytes.ts';
import { unfit, UnfitValue } from './unfit-value.ts';

export const int2Codec: Codec = {
  oid: 21,
  arrayOid: 1005,
  isBytewise: true,
  write: (out, value) => {
    const integer =
      typeof value === 'number' && Math.abs(value) < 2 ** 15 && Number.isInteger(value)
        ? value
        : Number(integerOf(value, 16n));
    out.int32(2);
    out.int16(integer);
  },
  text: (value) => String(integerOf(value, 16n)),
  read: (bytes, at) => bytes.readInt16BE(at),
  parse: Number,
  orderOf: (bytes, at) => bytes.readInt16BE(at),
};

export const int4Codec: Codec = {
  oid: 23,
  arrayOid: 1007,
  isBytewise: true,
  write: (out, value) => {
    const integer =
      typeof value === 'number' && (value | 0) === value ? value : Number(integerOf(value, 32n));
    out.int32(4);
    out.int32(integer);
  },
  text: (value) => String(integerOf(value, 32n)),
  read: (bytes, at) => int32At(bytes, at),
  parse: Number,
  orderOf: (bytes, at) => int32At(bytes, at),
};

export const int8Codec: Codec = {
  oid: 20,
  arrayOid: 1016,
  isBytewise: true,
  write: (out, value) => {
    if (typeof value === 'number' && Number.isSafeInteger(value)) writeInt64(out, value);
    else writeInt64(out, integerOf(value, 64n));
  },
  text: (value) => String(integerOf(value, 64n)),
  read: (bytes, at) => bytes.readBigInt64BE(at),
  parse: BigInt,
  orderOf: (bytes, at) => int64At(bytes, at),
};

/** @param value a bigint of 64 bits or a safe integer. */
export function writeInt64(out: ByteWriter, value: number | bigint): void {
  out.int32(8);
  if (typeof value === 'number') out.int64(value);
  else out.bigint64(value);
}

/** A number where that is exact, else a bigint. */
export function int64At(bytes: Buffer, at: number): number | bigint {
  const value = int32At(bytes, at) * 2 ** 32 + (int32At(bytes, at + 4) >>> 0);
  return Number.isSafeInteger(value) ? value : bytes.readBigInt64BE(at);
}

function integerOf(value: unknown, bits: bigint): bigint {
  const integer = toBigInt(value);
  if (integer === undefined) {
    throw unfit('a safe integer, a bigint or a string of digits', value);
  }
  const limit = 2n ** (bits - 1n);
  if (integer < -limit || integer >= limit) {
    throw new UnfitValue(`${integer} does not fit into ${bits} bits`);
  }
  return integer;
}

function toBigInt(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value);
  if (typeof value === 'string' && /^-?\d{1,19}$/.test(value)) return BigInt(value);
  return undefined;
}
