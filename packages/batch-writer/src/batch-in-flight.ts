import type { DecodedRow, RejectedRow, RowResult, Settled } from './row-outcome.ts';
import { rowsOf, type Batch } from './blocks/batch.ts';
import type { PgFailure } from './classify.ts';
import type { Outcome } from './retry-loop.ts';
import type { RowFormat } from './rows/row-format.ts';
import { rowCount, type Part, type Sent } from './sending/part.ts';

export interface BatchContext {
  readonly format: RowFormat;
  /** What a row is that loses against another one of its batch. */
  readonly losersAre: 'duplicate' | 'superseded';
  readonly sendPart: (part: Part) => Promise<Outcome<Sent>>;
  readonly deliver: (rows: readonly RejectedRow<object>[]) => Promise<Outcome<void>>;
  readonly onIsolation: () => void;
  readonly onSettled: (batch: Batch, settled: Settled) => void;
}

interface Rejection {
  readonly row: number;
  readonly error: unknown;
  readonly failure: PgFailure;
}

/**
 * So many bad rows are cut out one by one, at two statements each; beyond, the bad rows are likely to be neighbours, and
 * halving finds those with fewer.
 */
const MOST_ROWS_CUT_OUT = 50;

/**
 * One batch until each of its rows is settled. When the database refuses a part for one of its rows, that row is cut out at
 * the line that the error names; without a line the part is halved until the bad row is alone.
 */
export class BatchInFlight {
  readonly batch: Batch;
  readonly #context: BatchContext;
  /** Parts not yet sent, the next one last. */
  readonly #parts: Part[];
  readonly #losersOf: Map<number, readonly number[]>;
  #rejections: Rejection[] = [];
  #cutOut = 0;
  #settled = { stored: 0, duplicate: 0, superseded: 0, rejected: 0 };
  readonly #results = new Map<number, RowResult<object>>();

  constructor(batch: Batch, context: BatchContext) {
    this.batch = batch;
    this.#context = context;
    this.#parts = [this.#part(0, batch.winners)];
    this.#losersOf = new Map(batch.losersOf);
  }

  /** Resolves with true when every row is settled, with false when the writer stopped; then it may be called again. */
  async send(): Promise<boolean> {
    for (let part = this.#parts.at(-1); part !== undefined; part = this.#parts.at(-1)) {
      const outcome = await this.#context.sendPart(part);
      if (outcome.status === 'stopped') return false;
      this.#parts.pop();
      if (outcome.status === 'done') this.#settlePart(part, outcome.value);
      else if (outcome.failure.class === 'ambiguous') this.#rejectPart(part, outcome);
      else this.#isolate(part, outcome);
    }
    if (this.#rejections.length > 0) {
      // Delivered before they count: a row must not be gone while its dead letter is not written.
      const rows = this.#rejections.map((rejection) => this.#rejectedRow(rejection));
      const outcome = await this.#context.deliver(rows);
      if (outcome.status !== 'done') return false;
      this.#rejections.forEach(({ row }, index) => {
        this.#settle(row, 'rejected', rows[index]);
      });
      this.#rejections = [];
    }
    this.#context.onSettled(this.batch, this.#settled);
    for (const [row, result] of this.#results) this.batch.waiters?.get(row)?.resolve(result);
    return true;
  }

  /** The rows that are not settled, and how many of them may be in the table all the same. */
  unsettled(): { readonly rows: readonly number[]; readonly unknown: number } {
    const parts = this.#parts.flatMap((part) => rowsWithLosers(part, this.#losersOf));
    const doubted = this.#parts.filter(({ doubt }) => doubt !== undefined);
    return {
      rows: [...parts, ...this.#rejections.map(({ row }) => row)],
      unknown: doubted.reduce((sum, part) => sum + rowCount(part), 0),
    };
  }

  /** What has been settled of a batch that is given up. */
  get settledSoFar(): Settled {
    return this.#settled;
  }

  #settlePart({ from, to }: Part, { stored, storedRows }: Sent): void {
    this.#settled.stored += stored;
    this.#settled.duplicate += to - from - stored;
    for (const row of this.batch.waiters?.keys() ?? []) {
      if (row < from || row >= to) continue;
      const isStored = storedRows === undefined ? stored > 0 : storedRows.has(row - from);
      this.#results.set(row, { status: isStored ? 'stored' : 'duplicate', rejection: undefined });
    }
    for (const [winner, losers] of this.#losersOf) {
      if (winner >= from && winner < to) {
        for (const loser of losers) this.#settle(loser, this.#context.losersAre, undefined);
      }
    }
  }

  #settle(row: number, status: keyof Settled, rejection: RejectedRow<object> | undefined): void {
    this.#settled[status] += 1;
    if (this.batch.waiters?.has(row) === true) this.#results.set(row, { status, rejection });
  }

  #isolate(part: Part, bad: { readonly error: unknown; readonly failure: PgFailure }): void {
    this.#context.onIsolation();
    const { from, to } = part;
    const row = this.#badRow(part, bad.failure);
    if (row === undefined) {
      const middle = (from + to) >> 1;
      this.#push(part, middle, to);
      this.#push(part, from, middle);
      return;
    }
    this.#cutOut += 1;
    this.#push(part, row + 1, to);
    this.#reject(row, bad);
    this.#push(part, from, row);
  }

  /** Undefined when it is to be found by halving. */
  #badRow({ from, to }: Part, { line }: PgFailure): number | undefined {
    if (to - from === 1) return from;
    const isNamed = line !== undefined && line <= to - from;
    return isNamed && this.#cutOut < MOST_ROWS_CUT_OUT ? from + line - 1 : undefined;
  }

  #rejectPart(part: Part, bad: { readonly error: unknown; readonly failure: PgFailure }): void {
    // The ones that lose against a row that may be there may not take its place.
    for (const row of rowsWithLosers(part, this.#losersOf)) this.#rejections.push({ row, ...bad });
  }

  #reject(row: number, bad: { readonly error: unknown; readonly failure: PgFailure }): void {
    this.#rejections.push({ row, ...bad });
    const [next, ...rest] = this.#losersOf.get(row) ?? [];
    this.#losersOf.delete(row);
    if (next === undefined) return;
    // The next row of the key gets its turn.
    if (rest.length > 0) this.#losersOf.set(next, rest);
    this.#parts.push(this.#part(next, next + 1));
  }

  #push({ meetsConflict }: Part, from: number, to: number): void {
    if (from < to) this.#parts.push({ ...this.#part(from, to), meetsConflict });
  }

  #part(from: number, to: number): Part {
    return { batch: this.batch, from, to, meetsConflict: false, doubt: undefined };
  }

  #rejectedRow({ row, error, failure }: Rejection): RejectedRow<object> {
    return {
      row: decodeRow(this.batch, row, this.#context.format),
      reason: error instanceof Error ? error.message : String(error),
      sqlstate: failure.sqlstate,
      column: failure.column,
      constraint: failure.constraint,
      mayBeStored: failure.class === 'ambiguous',
    };
  }
}

/** The row of the batch; what its type says of its columns is up to who has declared them. */
export function decodeRow<Row extends object>(
  batch: Batch,
  row: number,
  format: RowFormat,
): DecodedRow<Row> {
  const values: object = format.read(
    batch.bytes,
    batch.offsets[row] ?? 0,
    batch.offsets[row + 1] ?? 0,
  );
  return values as DecodedRow<Row>;
}

/** Every row of a batch that has not been sent. */
export function allRows(batch: Batch): number[] {
  return Array.from({ length: rowsOf(batch) }, (_, row) => row);
}

function rowsWithLosers(
  { from, to }: Part,
  losersOf: ReadonlyMap<number, readonly number[]>,
): number[] {
  const rows = Array.from({ length: to - from }, (_, index) => from + index);
  return rows.flatMap((row) => [row, ...(losersOf.get(row) ?? [])]);
}
