import type { FlushedEvent } from './batch-writer.ts';
import type { PgFailure } from './classify.ts';
import type { EncodedRow } from './encode-row.ts';
import { planBatch, withoutFirst, type Candidates } from './plan-batch.ts';
import type { Outcome } from './retry-loop.ts';

export type Settlement = 'stored' | 'duplicate' | 'superseded' | 'rejected';
export type SettledCounts = Readonly<Record<Settlement, number>>;

export interface Rejection {
  readonly row: EncodedRow;
  readonly error: unknown;
  readonly failure: PgFailure;
}

export interface BatchContext {
  readonly wins: 'first' | 'latest';
  /** Sends the rows in one statement; the value is the number of rows that the table took. */
  readonly sendRows: (rows: readonly EncodedRow[]) => Promise<Outcome<number>>;
  readonly deliver: (rejections: readonly Rejection[]) => Promise<Outcome<void>>;
  readonly onSettled: (rows: readonly EncodedRow[], counts: SettledCounts) => void;
  readonly onFinished: (totals: Pick<FlushedEvent, 'rows' | Settlement>) => void;
}

/**
 * One batch until each of its rows is settled. A part that the database refuses for one of its rows is divided until
 * the bad row is alone: INSERT errors do not say which row they mean.
 */
export class BatchInFlight {
  readonly size: number;
  readonly oldestAtMs: number | undefined;
  readonly #context: BatchContext;
  /** Parts not yet sent, the next one last. */
  readonly #parts: (readonly Candidates[])[];
  #rejections: Rejection[] = [];
  #totals = { stored: 0, duplicate: 0, superseded: 0, rejected: 0 };

  constructor(rows: readonly EncodedRow[], context: BatchContext) {
    this.size = rows.length;
    this.oldestAtMs = rows[0]?.acceptedAtMs;
    this.#context = context;
    this.#parts = [planBatch(rows, context.wins)];
  }

  /** Resolves with true when every row is settled, with false when the writer stopped; then it may be called again. */
  async send(): Promise<boolean> {
    for (let part = this.#parts.at(-1); part !== undefined; part = this.#parts.at(-1)) {
      const outcome = await this.#context.sendRows(part.map(([first]) => first));
      if (outcome.status === 'stopped') return false;
      this.#parts.pop();
      if (outcome.status === 'done') this.#settlePart(part, outcome.value);
      else this.#dividePart(part, outcome);
    }
    if (this.#rejections.length > 0) {
      // Delivered before they count: a row must not be gone while its dead letter is not written.
      const outcome = await this.#context.deliver(this.#rejections);
      if (outcome.status !== 'done') return false;
      const rows = this.#rejections.map(({ row }) => row);
      this.#rejections = [];
      this.#settle(rows, { rejected: rows.length });
    }
    this.#context.onFinished({ rows: this.size, ...this.#totals });
    return true;
  }

  unsettledRows(): EncodedRow[] {
    const rejected = this.#rejections.map(({ row }) => row);
    return [...this.#parts.flat(2), ...rejected];
  }

  #settlePart(part: readonly Candidates[], stored: number): void {
    const rows = part.flat();
    const losers = rows.length - part.length;
    const known = part.length - stored;
    if (this.#context.wins === 'first') this.#settle(rows, { stored, duplicate: known + losers });
    else this.#settle(rows, { stored, duplicate: known, superseded: losers });
  }

  #dividePart(part: readonly Candidates[], bad: { error: unknown; failure: PgFailure }): void {
    const [only, ...others] = part;
    if (only !== undefined && others.length === 0) {
      this.#rejections.push({ row: only[0], error: bad.error, failure: bad.failure });
      const rest = withoutFirst(only);
      if (rest !== undefined) this.#parts.push([rest]);
      return;
    }
    const middle = part.length >> 1;
    this.#parts.push(part.slice(middle), part.slice(0, middle));
  }

  #settle(rows: readonly EncodedRow[], counts: Partial<SettledCounts>): void {
    const all = { stored: 0, duplicate: 0, superseded: 0, rejected: 0, ...counts };
    for (const settlement of SETTLEMENTS) this.#totals[settlement] += all[settlement];
    this.#context.onSettled(rows, all);
  }
}

export const SETTLEMENTS = ['stored', 'duplicate', 'superseded', 'rejected'] as const;
