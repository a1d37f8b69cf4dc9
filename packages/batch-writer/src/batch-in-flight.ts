import type { DecodedRow, RejectedRow, RowResult, Settled } from './row-outcome.ts';
import { rowsOf, type Batch, type Range } from './blocks/batch.ts';
import type { PgFailure } from './classify.ts';
import type { Outcome } from './retry-loop.ts';
import type { QueuedBatch } from './queued-batch.ts';
import type { RowFormat } from './rows/row-format.ts';
import type { LedgerEntry } from './sending/ledger.ts';
import { rowCount, type Doubt, type Part, type Sent } from './sending/part.ts';
import type { FiledBatch, Todo } from './spool/batch-file.ts';

export interface BatchContext {
  /** Where the batch came from. */
  readonly queued: QueuedBatch;
  readonly format: RowFormat;
  /** What a row is that loses against another one of its batch. */
  readonly losersAre: 'duplicate' | 'superseded';
  readonly sendPart: (part: Part) => Promise<Outcome<Sent>>;
  readonly deliver: (rows: readonly RejectedRow<object>[]) => Promise<Outcome<void>>;
  readonly onIsolation: () => void;
  /** The parts of the batch that are known to be in the table from an earlier writer. */
  readonly readDone: () => Promise<Outcome<readonly LedgerEntry[]>>;
  readonly onSettled: (settled: Settled) => Promise<void>;
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
  #parts: Part[];
  #isRecovered: boolean;
  readonly #losersOf: Map<number, readonly number[]>;
  #rejections: Rejection[] = [];
  #cutOut = 0;
  #settled = { stored: 0, duplicate: 0, superseded: 0, rejected: 0 };
  readonly #results = new Map<number, RowResult<object>>();

  /** @param isRecovered an earlier writer may have written some of it. */
  constructor({ batch, todo }: FiledBatch, isRecovered: boolean, context: BatchContext) {
    this.batch = batch;
    this.#context = context;
    this.#parts = (todo ?? [{ from: 0, to: batch.winners }]).map((one) => ({
      ...this.#part(one.from, one.to),
      ...('doubt' in one && { meetsConflict: one.meetsConflict, doubt: toDoubt(one.doubt) }),
    }));
    this.#losersOf = new Map(batch.losersOf);
    this.#isRecovered = isRecovered;
  }

  get queued(): QueuedBatch {
    return this.#context.queued;
  }

  /** Resolves with true when every row is settled, with false when the writer stopped; then it may be called again. */
  async send(): Promise<boolean> {
    if (this.#isRecovered && !(await this.#skipWhatIsDone())) return false;
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
    await this.#context.onSettled(this.#settled);
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

  /** What is left to do, to be done by another one later. */
  get rest(): FiledBatch {
    const parts = this.#parts.map(({ from, to, meetsConflict, doubt }) => ({
      ...{ from, to, meetsConflict },
      doubt: doubt && { where: doubt.where, stored: doubt.sent.stored },
    }));
    // Refused again then, and put into the dead letter.
    const rejected = this.#rejections.map(({ row }) => ({
      ...{ from: row, to: row + 1, meetsConflict: false, doubt: undefined },
    }));
    return {
      batch: { ...this.batch, losersOf: this.#losersOf },
      todo: [...rejected, ...parts],
    };
  }

  /** What has been settled of a batch that is given up. */
  get settledSoFar(): Settled {
    return this.#settled;
  }

  /** False when the writer stopped. */
  async #skipWhatIsDone(): Promise<boolean> {
    const outcome = await this.#context.readDone();
    if (outcome.status !== 'done') return false;
    for (const done of outcome.value) {
      this.#parts = this.#parts.flatMap((part) => {
        if (done.from < part.from || done.to > part.to) return [part];
        this.#settlePart(done, { stored: done.stored, storedRows: undefined });
        const rest = [
          { ...part, from: done.to },
          { ...part, to: done.from },
        ];
        return rest.filter(({ from, to }) => from < to);
      });
    }
    this.#isRecovered = false;
    return true;
  }

  #settlePart({ from, to }: Range, { stored, storedRows }: Sent): void {
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
    return { batch: this.batch, from, to, meetsConflict: false, doubt: undefined, timeouts: 0 };
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

function toDoubt(doubt: Todo['doubt']): Doubt | undefined {
  if (doubt === undefined) return undefined;
  const sent = { stored: doubt.stored, storedRows: undefined };
  return { where: doubt.where, sent, questions: 0 };
}

function rowsWithLosers(
  { from, to }: Part,
  losersOf: ReadonlyMap<number, readonly number[]>,
): number[] {
  const rows = Array.from({ length: to - from }, (_, index) => from + index);
  return rows.flatMap((row) => [row, ...(losersOf.get(row) ?? [])]);
}
