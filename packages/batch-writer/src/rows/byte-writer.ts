/** A text up to this length is copied here, character by character: a call out of JavaScript costs more. */
const SHORT_TEXT = 64;

/** Bytes that grow at the end: numbers big-endian, text as UTF-8. What it appends is not checked. */
export class ByteWriter {
  /** The bytes so far are the first `length`; a further write may replace the buffer by a larger one. */
  bytes: Buffer;
  length = 0;
  #view: DataView;

  /** @param capacity bytes to begin with. Default 1024. */
  constructor(capacity = 1024) {
    this.bytes = Buffer.allocUnsafeSlow(capacity);
    this.#view = viewOf(this.bytes);
  }

  /** Makes room for `count` further bytes. */
  reserve(count: number): void {
    if (this.length + count > this.bytes.length) this.#grow(count);
  }

  /** Forgets what stands behind the first `length` bytes. */
  truncate(length: number): void {
    this.length = length;
  }

  uint8(value: number): void {
    this.reserve(1);
    this.#view.setUint8(this.length, value);
    this.length += 1;
  }

  int16(value: number): void {
    this.reserve(2);
    this.#view.setInt16(this.length, value);
    this.length += 2;
  }

  int32(value: number): void {
    this.reserve(4);
    this.#view.setInt32(this.length, value);
    this.length += 4;
  }

  /** @param value a safe integer. */
  int64(value: number): void {
    this.reserve(8);
    const high = Math.floor(value / 2 ** 32);
    this.#view.setInt32(this.length, high);
    this.#view.setInt32(this.length + 4, value - high * 2 ** 32);
    this.length += 8;
  }

  bigint64(value: bigint): void {
    this.reserve(8);
    this.#view.setBigInt64(this.length, value);
    this.length += 8;
  }

  float32(value: number): void {
    this.reserve(4);
    this.#view.setFloat32(this.length, value);
    this.length += 4;
  }

  float64(value: number): void {
    this.reserve(8);
    this.#view.setFloat64(this.length, value);
    this.length += 8;
  }

  /** Writes over bytes that stand already. */
  setInt16(at: number, value: number): void {
    this.#view.setInt16(at, value);
  }

  /** Writes over bytes that stand already. */
  setInt32(at: number, value: number): void {
    this.#view.setInt32(at, value);
  }

  append(source: Uint8Array): void {
    this.reserve(source.length);
    this.bytes.set(source, this.length);
    this.length += source.length;
  }

  /** Appends a short text of the characters 1 to 127; any other text it leaves to its caller, and says so. */
  tryAscii(text: string): boolean {
    const count = text.length;
    if (count > SHORT_TEXT) return false;
    this.reserve(count);
    const { bytes, length } = this;
    for (let index = 0; index < count; index += 1) {
      const code = text.charCodeAt(index);
      // Zero as well: one comparison for both.
      if ((code - 1) >>> 0 >= 127) return false;
      bytes[length + index] = code;
    }
    this.length = length + count;
    return true;
  }

  utf8(text: string): void {
    if (this.tryAscii(text)) return;
    const count = Buffer.byteLength(text);
    this.reserve(count);
    this.bytes.write(text, this.length, count, 'utf8');
    this.length += count;
  }

  #grow(count: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(2 * this.bytes.length, this.length + count));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
    this.#view = viewOf(grown);
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
