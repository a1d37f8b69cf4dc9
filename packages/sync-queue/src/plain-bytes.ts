/** The same bytes as a plain `Uint8Array`: some drivers give a `Buffer`, whose `toString` and `slice` are others. */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
