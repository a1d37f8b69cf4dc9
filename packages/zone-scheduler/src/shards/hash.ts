/** 32 bits of a text: FNV-1a over its UTF-16 units (Fowler, Noll, Vo), and the mix below, without which the top bits are poor. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193);
    hash = Math.imul(hash ^ (unit >>> 8), 0x01000193);
  }
  return mix(hash);
}

/** Each bit of the input changes each of the result in half of the cases: the finaliser of MurmurHash3 (A. Appleby). */
export function mix(bits: number): number {
  let mixed = bits;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/**
 * The shard of a zone, from 0 to `total` - 1: the same in every process and release, so that all instances agree.
 * Multiplied, not the remainder: the top bits decide, which are as good as any.
 *
 * @throws {RangeError} when `total` is not an integer of at least 1.
 */
export function shardOf(zoneId: string, total: number): number {
  if (!Number.isInteger(total) || total < 1) {
    throw new RangeError(`total must be an integer of at least 1, got ${total}`);
  }
  return Math.floor((hashText(zoneId) / 2 ** 32) * total);
}
