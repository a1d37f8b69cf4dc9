import type { Field } from './codec.ts';

/** Hash of a field by its bytes: MurmurHash3 (Appleby 2011), 32 bits, four bytes at a time. */
export function hashBytes(bytes: Buffer, at: number, length: number, seed: number): number {
  let hash = seed;
  const end = at + length;
  let index = at;
  for (; index + 4 <= end; index += 4) {
    hash ^= scramble(int32At(bytes, index));
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  let rest = 0;
  for (; index < end; index += 1) rest = (rest << 8) | (bytes[index] ?? 0);
  return hash ^ scramble(rest) ^ length;
}

/** Spreads what was hashed over all bits; unsigned. */
export function finishHash(hash: number): number {
  let mixed = hash;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** A total order of fields by their bytes; a field that another begins with stands before it. */
export function compareBytes(a: Field, b: Field): number {
  const count = Math.min(a.length, b.length);
  for (let index = 0; index < count; index += 1) {
    const difference = (a.bytes[a.at + index] ?? 0) - (b.bytes[b.at + index] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** The same number as `Buffer.readInt32BE` gives, without its checks. */
export function int32At(bytes: Buffer, at: number): number {
  return (
    ((bytes[at] ?? 0) << 24) |
    ((bytes[at + 1] ?? 0) << 16) |
    ((bytes[at + 2] ?? 0) << 8) |
    (bytes[at + 3] ?? 0)
  );
}

function scramble(word: number): number {
  const mixed = Math.imul(word, 0xcc9e2d51);
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
}
