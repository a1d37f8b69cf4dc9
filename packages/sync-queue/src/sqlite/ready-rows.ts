import { PRIORITY_COUNT } from '../store.ts';
import type { QueueRow } from './rows.ts';
import type { Statements } from './statements.ts';

export interface ReadyRow {
  readonly id: number;
  readonly key: string | null;
  readonly ready_ms: number;
}

const PRIORITIES = Array.from({ length: PRIORITY_COUNT }, (_, priority) => priority);

interface ReadyList {
  readonly priority: number;
  readonly rows: readonly ReadyRow[];
  at: number;
}

/** What is ready, in the order of its places, and which of it is the next. */
export class ReadyRows {
  readonly #sql: Statements;
  readonly #queue: string;
  readonly #row: QueueRow;

  constructor(sql: Statements, queue: string, row: QueueRow) {
    this.#sql = sql;
    this.#queue = queue;
    this.#row = row;
  }

  /** The place behind all others. */
  newPlace(): number {
    this.#row.tail += 1;
    return this.#row.tail;
  }

  pushBack(id: number, nowMs: number): void {
    this.#sql.ready.run([id, this.newPlace(), nowMs]);
  }

  pushFront(id: number): void {
    this.#row.head -= 1;
    this.#sql.move.run([id, 'ready', this.#row.head]);
  }

  /** Of what is not paused. */
  get isEmpty(): boolean {
    return this.#priorities().every(
      (priority) => this.#sql.head.get([this.#queue, priority]) === undefined,
    );
  }

  /**
   * Up to `limit` of the rows whose ready time plus priority × agingMs is the earliest, of equals the most urgent first.
   * Whoever takes one has to move it elsewhere.
   */
  *inOrder(agingMs: number, limit: number): Generator<ReadyRow> {
    const lists = this.#lists(limit);
    for (let count = 0; count < limit; count += 1) {
      let next: ReadyList | undefined;
      let nextDeadlineMs = Infinity;
      for (const list of lists) {
        const head = list.rows[list.at];
        if (head === undefined) continue;
        const agedMs = list.priority === 0 ? 0 : list.priority * agingMs;
        if (next !== undefined && head.ready_ms + agedMs >= nextDeadlineMs) continue;
        next = list;
        nextDeadlineMs = head.ready_ms + agedMs;
      }
      const row = next?.rows[next.at];
      if (next === undefined || row === undefined) return;
      next.at += 1;
      yield row;
    }
  }

  #lists(limit: number): ReadyList[] {
    const lists: ReadyList[] = [];
    for (const priority of this.#priorities()) {
      const rows = this.#sql.heads.all([this.#queue, priority, limit]) as ReadyRow[];
      if (rows.length > 0) lists.push({ priority, rows, at: 0 });
    }
    return lists;
  }

  /** Those that are not paused. */
  #priorities(): readonly number[] {
    return PRIORITIES.filter((priority) => !this.#row.paused_priorities.includes(String(priority)));
  }
}
