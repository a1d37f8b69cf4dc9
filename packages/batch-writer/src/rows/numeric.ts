import { ByteWriter } from './byte-writer.ts';
import type { Codec, KeyRule } from './codec.ts';
import { hashBytes } from './key-bytes.ts';
import { unfit, UnfitValue } from './unfit-value.ts';

/** What lies where, each an int16, before the digits to base 10000 (numeric_send in PostgreSQL's numeric.c). */
const WEIGHT = 2;
const SIGN = 4;
const SCALE = 6;
const HEADER = 8;

const NEGATIVE = 0x4000;
const SPECIALS: ReadonlyMap<string, number> = new Map([
  ['NaN', 0xc000],
  ['Infinity', 0xd000],
  ['-Infinity', 0xf000],
]);

/** Digits are written without zeros at either end, so equal numbers differ in their scale only. */
const numericKey: KeyRule = {
  hash: (bytes, at, length, seed) =>
    hashBytes(bytes, at + HEADER, length - HEADER, hashBytes(bytes, at, SCALE, seed)),
  compare: (a, b) => {
    const count = Math.min(a.length, b.length);
    for (let index = 0; index < count; index += 1) {
      if (index === SCALE) index = HEADER - 1;
      else {
        const difference = (a.bytes[a.at + index] ?? 0) - (b.bytes[b.at + index] ?? 0);
        if (difference !== 0) return difference;
      }
    }
    return a.length - b.length;
  },
};

export const numericCodec: Codec = {
  oid: 1700,
  arrayOid: 1231,
  isBytewise: false,
  key: numericKey,
  write: (out, value) => writeNumeric(out, decimalOf(value)),
  text: (value) => {
    const text = decimalOf(value);
    // For its refusals.
    scratch.truncate(0);
    writeNumeric(scratch, text);
    return text;
  },
  read: (bytes, at) => readNumeric(bytes, at),
  parse: (text) => text,
};

const scratch = new ByteWriter(64);
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

function decimalOf(value: unknown): string {
  const text = typeof value === 'number' || typeof value === 'bigint' ? String(value) : value;
  if (typeof text !== 'string' || !(DECIMAL.test(text) || SPECIALS.has(text))) {
    throw unfit('a number, a bigint or a decimal string', value);
  }
  return text;
}

const POINT = 0x2e;
const MINUS = 0x2d;
const PLUS = 0x2b;
const POWERS = [1, 10, 100, 1000] as const;

/** Of PostgreSQL: 131 072 digits before the point, 16 383 behind it. */
const MAX_WEIGHT = 32_767;
const MAX_SCALE = 16_383;

function writeNumeric(out: ByteWriter, text: string): void {
  const start = out.length + 4;
  const special = SPECIALS.get(text);
  out.int32(HEADER);
  out.int32(0);
  out.int32(0);
  if (special !== undefined) {
    out.setInt16(start + SIGN, special);
    // Without meaning, and not read: the same bytes as PostgreSQL sends.
    out.setInt16(start + SCALE, text === 'NaN' ? 0 : 0x20);
    return;
  }
  const first = text.charCodeAt(0);
  const from = first === MINUS || first === PLUS ? 1 : 0;
  const end = endOfDigits(text);
  const exponent = end === text.length ? 0 : Number(text.slice(end + 1));
  const point = text.indexOf('.');
  const whole = (point === -1 ? end : point) - from;
  const scale = Math.max(0, (point === -1 ? 0 : end - point - 1) - exponent);
  if (scale > MAX_SCALE || exponent > 4 * (MAX_WEIGHT + 1)) throw tooLarge(text);

  const weight = writeDigits(out, { text, from, end, power: whole + exponent - 1 });
  if (weight > MAX_WEIGHT) throw tooLarge(text);
  const count = (out.length - start - HEADER) / 2;
  out.setInt32(start - 4, out.length - start);
  out.setInt16(start, count);
  out.setInt16(start + WEIGHT, count === 0 ? 0 : weight);
  out.setInt16(start + SIGN, count > 0 && first === MINUS ? NEGATIVE : 0);
  out.setInt16(start + SCALE, scale);
}

/** Appends groups of four decimal digits, without groups of zeros at either end; returns the power of the first. */
function writeDigits(
  out: ByteWriter,
  { text, from, end, power }: { text: string; from: number; end: number; power: number },
): number {
  const start = out.length;
  let kept = start;
  let weight = 0;
  let group = 0;
  let left = power;
  for (let index = from; index < end; index += 1) {
    const code = text.charCodeAt(index);
    if (code === POINT) continue;
    // Also right for a negative power: the low two bits are its remainder modulo 4.
    group += (code & 15) * (POWERS[left & 3] ?? 0);
    if ((left & 3) === 0) {
      if (out.length === start) weight = left >> 2;
      if (group > 0 || out.length > start) out.int16(group);
      if (group > 0) kept = out.length;
      group = 0;
    }
    left -= 1;
  }
  if (group > 0) {
    // The last power that was read stands one above `left`.
    if (out.length === start) weight = (left + 1) >> 2;
    out.int16(group);
    kept = out.length;
  }
  out.truncate(kept);
  return weight;
}

function endOfDigits(text: string): number {
  const exponent = text.search(/e/i);
  return exponent === -1 ? text.length : exponent;
}

function tooLarge(text: string): UnfitValue {
  return new UnfitValue(
    `${JSON.stringify(text).slice(0, 60)} has more digits than numeric can hold`,
  );
}

function readNumeric(bytes: Buffer, at: number): string {
  const sign = bytes.readUInt16BE(at + SIGN);
  for (const [name, code] of SPECIALS) if (sign === code) return name;
  const count = bytes.readInt16BE(at);
  const weight = bytes.readInt16BE(at + WEIGHT);
  const scale = bytes.readInt16BE(at + SCALE);
  /** The four digits that stand for `power` of 10000. */
  const groupAt = (power: number): string => {
    const index = weight - power;
    const group = index < 0 || index >= count ? 0 : bytes.readInt16BE(at + HEADER + 2 * index);
    return String(group).padStart(4, '0');
  };
  let whole = '';
  for (let power = weight; power >= 0; power -= 1) whole += groupAt(power);
  let fraction = '';
  for (let power = -1; fraction.length < scale; power -= 1) fraction += groupAt(power);
  const digits = whole.replace(/^0+(?=\d)/, '') || '0';
  return `${sign === NEGATIVE ? '-' : ''}${digits}${scale === 0 ? '' : `.${fraction.slice(0, scale)}`}`;
}
