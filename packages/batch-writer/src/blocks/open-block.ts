import type { Deferred } from '@holdfast/internal';
import type { RowResult } from '../row-outcome.ts';
import { ByteWriter } from '../rows/byte-writer.ts';
import type { RowFormat } from '../rows/row-format.ts';

/** The rows that have been taken since the last batches were made, encoded one behind the other in the order of the calls. */
export class OpenBlock {
  readonly #format: RowFormat;
  readonly #out = new ByteWriter();
  /** Of every row, its end. */
  #ends = new Uint32Array(256);
  #count = 0;
  #oldestAtMs = 0;
  /** A getter of the row may call us. */
  #isEncoding = false;
  /** How often the rows have been taken away, or another row has been put behind them. */
  #changes = 0;
  #waiters: Map<number, Deferred<RowResult<object>>> | undefined;

  constructor(format: RowFormat) {
    this.#format = format;
  }

  get rows(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.start(this.#count);
  }

  get buffer(): Buffer {
    return this.#out.bytes;
  }

  get oldestAtMs(): number | undefined {
    return this.#count === 0 ? undefined : this.#oldestAtMs;
  }

  get waiters(): ReadonlyMap<number, Deferred<RowResult<object>>> | undefined {
    return this.#waiters;
  }

  /** Where row `index` begins, or would begin. */
  start(index: number): number {
    return index === 0 ? 0 : (this.#ends[index - 1] ?? 0);
  }

  end(index: number): number {
    return this.#ends[index] ?? 0;
  }

  /**
   * Encodes a row behind the others, where it stays only after `keep()`, and returns its bytes.
   *
   * @throws {RowInvalidError} when a value does not fit its column.
   */
  encode(row: object): number {
    if (this.#isEncoding) throw busyError();
    this.#isEncoding = true;
    const changes = this.#changes;
    try {
      this.#out.truncate(this.bytes);
      this.#format.write(this.#out, row);
      if (changes !== this.#changes) throw busyError();
      return this.#out.length - this.bytes;
    } finally {
      this.#isEncoding = false;
    }
  }

  /** A copy of the row that has been encoded last. */
  copyEncoded(): Buffer {
    return Buffer.from(this.#out.bytes.subarray(this.bytes, this.#out.length));
  }

  /** Keeps the row that has been encoded last. */
  keep(nowMs: number, waiter: Deferred<RowResult<object>> | undefined): void {
    if (this.#count === 0) this.#oldestAtMs = nowMs;
    if (this.#count === this.#ends.length) this.#ends = grown(this.#ends);
    if (waiter !== undefined) (this.#waiters ??= new Map()).set(this.#count, waiter);
    this.#ends[this.#count] = this.#out.length;
    this.#count += 1;
  }

  /** Puts a row back that has been encoded before, as `encode` would; it stays only after `keep()`. */
  restore(encoded: Buffer): void {
    this.#changes += 1;
    this.#out.truncate(this.bytes);
    this.#out.append(encoded);
  }

  clear(): void {
    this.#changes += 1;
    this.#out.truncate(0);
    this.#count = 0;
    this.#waiters = undefined;
  }
}

function busyError(): Error {
  return new Error('a writer must not be called by a row that is being read');
}

function grown(array: Uint32Array): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(array.length * 2);
  larger.set(array);
  return larger;
}
