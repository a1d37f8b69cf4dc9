import type { Batch, Range } from '../blocks/batch.ts';
import type { Whereabouts } from './whereabouts.ts';

/** Rows of a batch that are written in one transaction. */
export interface Part extends Range {
  readonly batch: Batch;
  /** A key of the part is in the table already: it needs a path that bears that. */
  meetsConflict: boolean;
  /** The last attempt may have been committed. */
  doubt: Doubt | undefined;
  /** Attempts to write it that have not ended in time. */
  timeouts: number;
}

/** What is known of an attempt whose answer was lost. */
export interface Doubt {
  /** Undefined when nothing is known that could be asked for: the writer does not want to know, or has a ledger. */
  readonly where: Whereabouts | undefined;
  readonly sent: Sent;
  /** How often the server has been asked. */
  questions: number;
}

/** What the table made of a part. */
export interface Sent {
  /** Rows that the table took. */
  readonly stored: number;
  /** Which rows they are, from 0 in the part; undefined when nobody wants to know, or when it is all or none. */
  readonly storedRows: ReadonlySet<number> | undefined;
}

export function rowCount({ from, to }: Range): number {
  return to - from;
}
