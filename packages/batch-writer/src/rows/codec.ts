import type { ByteWriter } from './byte-writer.ts';
import type { PgValue } from './pg-types.ts';

/** How values of one PostgreSQL type are checked, written and read. Fields are as binary COPY holds them. */
export interface Codec {
  readonly oid: number;
  readonly arrayOid: number;
  /** Values are equal in PostgreSQL exactly when their bytes are: then `key` is absent. */
  readonly isBytewise: boolean;
  /** How keys are compared when their bytes do not tell. */
  readonly key?: KeyRule;
  /** Where a value stands among others; only types whose order is the same here and in the server. */
  readonly orderOf?: (bytes: Buffer, at: number) => number | bigint;

  /**
   * Appends the int32 length and the binary form of a value that is neither null nor undefined.
   *
   * @throws {UnfitValue} when the value does not fit; what it appended stays.
   */
  readonly write: (out: ByteWriter, value: unknown) => void;
  /**
   * The form that the type's input function reads.
   *
   * @throws {UnfitValue} when the value does not fit.
   */
  readonly text: (value: unknown) => string;
  /** The value whose binary form begins at `at`, behind its length. */
  readonly read: (bytes: Buffer, at: number, length: number) => PgValue;
  /** The value of which `text` gave this. */
  readonly parse: (text: string) => PgValue;
}

/** Keys by what PostgreSQL holds equal. */
export interface KeyRule {
  /** Equal for equal values; `seed` is the hash of the fields before. */
  readonly hash: (bytes: Buffer, at: number, length: number, seed: number) => number;
  /** A total order: below zero, zero for equal values, above zero. */
  readonly compare: (a: Field, b: Field) => number;
}

/** Where a value lies; one object is filled anew for each value. */
export interface Field {
  bytes: Buffer;
  at: number;
  length: number;
}
