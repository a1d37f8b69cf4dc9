/**
 * A copy of the bytes alone, as a plain `Uint8Array`: some drivers give a `Buffer`, whose `toString` and `slice` are others,
 * and which is a part of a larger one that `structuredClone` would copy, too.
 */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}
