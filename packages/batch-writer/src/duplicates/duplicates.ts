import type { Clock } from '@holdfast/internal';
import type { PgPoolLike } from '../ports.ts';

/**
 * Which row of a key stays: the first or the last by the table's identity, or the first in the order of a column. There NULLs
 * come last whichever the direction, and rows with equal values are ordered by identity in the same direction.
 */
export type KeepRule =
  | 'first'
  | 'last'
  | {
      readonly orderBy: string;
      /** `asc` keeps the smallest value, `desc` the largest. Default `asc`. */
      readonly direction?: 'asc' | 'desc' | undefined;
    };

export interface UniqueIndexOptions {
  /** Of the index, in the schema of the table. */
  readonly name: string;
  /** How many times the table is cleaned and the index tried when rows keep coming in twice. Default 3. */
  readonly attempts?: number | undefined;
}

export interface RemoveDuplicatesOptions {
  readonly pool: PgPoolLike;
  readonly table: string;
  /** Default: the first schema of the connection's search path that has the table. */
  readonly schema?: string | undefined;
  /** Rows with equal values in these columns are duplicates, equal as the columns' types see it. */
  readonly key: readonly string[];
  readonly keep: KeepRule;
  /** True: NULL equals NULL, as in an index with NULLS NOT DISTINCT. Default false: a row with a NULL in its key has no duplicates. */
  readonly nullsEqual?: boolean | undefined;
  /**
   * A condition in SQL: only rows that meet it are looked at, and only they are kept or deleted. It goes into the statements as
   * it is, so never build it from what users send. The table is `t` in it. Not together with `thenUniqueIndex`.
   */
  readonly where?: string | undefined;
  /** Most rows of one deleting transaction. Default 5000. */
  readonly chunkRows?: number | undefined;
  /** A transaction that deletes shall end within; chunks shrink and grow to fit. Milliseconds, default 200. */
  readonly maxTxMs?: number | undefined;
  /** Pause between two chunks, milliseconds. Default 0. */
  readonly pauseMs?: number | undefined;
  /** The scan, and the building of the index, must each end within; milliseconds, default 6 hours. */
  readonly timeoutMs?: number | undefined;
  /** True: nothing is written, and the report has examples. Default false. */
  readonly dryRun?: boolean | undefined;
  /** Most groups among the examples of a dry run. Default 5. */
  readonly sample?: number | undefined;
  /**
   * `table` or `schema.table`: deleted rows are inserted there, in the transaction that deletes them. It needs every column of
   * the table; when it is not there it is made, with the columns and NOT NULLs of the table and nothing else.
   */
  readonly archiveTo?: string | undefined;
  /** `table` or `schema.table`: where the duplicates that were found are kept until they are deleted. Default `holdfast_duplicates_<hash>`. */
  readonly workTable?: string | undefined;
  /** A unique index on the key, built at the end with CREATE UNIQUE INDEX CONCURRENTLY. Default: none. */
  readonly thenUniqueIndex?: UniqueIndexOptions | undefined;
  readonly onProgress?: ((progress: DuplicatesProgress) => void) | undefined;
  /** Ends the run behind the chunk that is being deleted; it resolves, with `aborted`. */
  readonly signal?: AbortSignal | undefined;
  /** Default: the system clock. */
  readonly clock?: Clock | undefined;
}

export interface DuplicatesProgress {
  readonly phase: 'scan' | 'delete' | 'index';
  /** Counts from 1; a further one comes when rows were inserted twice before the index was there. */
  readonly attempt: number;
  /** Found by the scan of this attempt; 0 before it has ended. */
  readonly duplicates: number;
  /** Of these, dealt with. */
  readonly done: number;
  /** Deleted by this run so far. */
  readonly deleted: number;
  /** How long `delete` will last, by its speed so far, milliseconds. */
  readonly etaMs?: number;
}

/** Rows with one key. Values are as PostgreSQL writes them. */
export interface DuplicateGroup {
  readonly key: Readonly<Record<string, string | null>>;
  /** The identity of the row that stays. */
  readonly kept: Readonly<Record<string, string>>;
  /** The identities of the others: the first ten. */
  readonly victims: readonly Readonly<Record<string, string>>[];
}

export interface RemoveDuplicatesReport {
  /** Keys that had more than one row, when it was scanned. */
  readonly groups: number;
  /** Rows that were found to be deleted; groups and duplicates of an earlier run that was gone on with count, too. */
  readonly duplicates: number;
  /** Rows that this run has deleted. */
  readonly deleted: number;
  /** Duplicates that were none any more when their turn came: they, or the row that stays, had been changed or deleted. */
  readonly skipped: number;
  readonly archived: number;
  /** The longest transaction that deleted, from BEGIN to the answer to COMMIT. */
  readonly longestTxMs: number;
  /** True when the run went on with what an earlier one had found. */
  readonly resumed: boolean;
  /** The run was told to stop. What is left is kept for the next one. */
  readonly aborted: boolean;
  /** `exists`: it was there before. `failed`: rows came in twice each time, there is no index. Missing: none was asked for, or not reached. */
  readonly index?: 'created' | 'exists' | 'failed';
  /** Of a dry run. */
  readonly samples?: readonly DuplicateGroup[];
}
