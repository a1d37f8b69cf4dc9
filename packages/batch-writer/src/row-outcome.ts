import type { PgValue } from './rows/pg-types.ts';

declare const decoded: unique symbol;

/**
 * A row as its columns hold it: int8 as bigint, numeric, dates and times as text, json parsed, bytea as a copy. `write` takes
 * it again, and makes the same of it. Only a writer makes such rows.
 */
export type DecodedRow<Row extends object> = {
  readonly [K in keyof Row]-?: DecodedValue<Row[K]>;
} & { readonly [decoded]: true };

/** A number may have become a bigint or text, a `Date` text: that depends on the type of the column. */
export type DecodedValue<Value> = Value extends null | undefined
  ? null
  : Value extends boolean | number | bigint | string | Date
    ? boolean | number | bigint | string
    : PgValue;

/** A row that will not be stored, and why. */
export interface RejectedRow<Row extends object> {
  readonly row: DecodedRow<Row>;
  readonly reason: string;
  readonly sqlstate: string | undefined;
  readonly column: string | undefined;
  readonly constraint: string | undefined;
  /** The answer to its batch was lost, and nobody can tell any more whether it is in the table. */
  readonly mayBeStored: boolean;
}

/** What became of one row. */
export interface RowResult<Row extends object> {
  /** As in `CloseReport`. */
  readonly status: 'stored' | 'duplicate' | 'superseded' | 'rejected';
  /** Why a row was rejected. */
  readonly rejection: RejectedRow<Row> | undefined;
}

/** Where rows went; `stored + duplicate + superseded + rejected` and those not settled yet are what was accepted. */
export interface Settled {
  /** Rows that the table took, inserted or replacing an older one. */
  readonly stored: number;
  /**
   * Rows that change nothing because their key is there, in the table or earlier in the same batch, or because a trigger has
   * swallowed them.
   */
  readonly duplicate: number;
  /** Rows that would have been overwritten by another one of the same batch. */
  readonly superseded: number;
  /**
   * Rows that the database refused, or that were dropped for want of room: `onRejected` has them. And rows whose file of the
   * spool somebody has taken away, which nobody else has.
   */
  readonly rejected: number;
}

/**
 * The account of every row: `stored + duplicate + superseded + rejected + spooled + returned.length` is
 * `accepted + recovered`.
 */
export interface CloseReport<Row extends object> extends Settled {
  readonly accepted: number;
  /** Rows that an earlier writer had left in the spool. */
  readonly recovered: number;
  /** Rows that the next writer finds in the spool. */
  readonly spooled: number;
  /** Rows that could not be settled in time, as their columns hold them; `write` takes them again. */
  readonly returned: readonly DecodedRow<Row>[];
  /** How many of the returned rows may be in the table all the same, because the answer to their batch was lost. */
  readonly unknown: number;
}
