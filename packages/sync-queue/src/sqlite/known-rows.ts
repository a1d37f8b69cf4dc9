import type { QueueSettings } from '../store.ts';
import type { QueueRow } from './rows.ts';
import type { Statements } from './statements.ts';

/** Which idempotency keys were taken within the window, and by which items: the oldest are forgotten beyond `maxKeys`. */
export class KnownRows {
  readonly #sql: Statements;
  readonly #queue: string;
  readonly #row: QueueRow;
  readonly #settings: QueueSettings['idempotency'];

  constructor(
    sql: Statements,
    {
      queue,
      row,
      settings,
    }: {
      readonly queue: string;
      readonly row: QueueRow;
      readonly settings: QueueSettings['idempotency'];
    },
  ) {
    this.#sql = sql;
    this.#queue = queue;
    this.#row = row;
    this.#settings = settings;
  }

  find(key: string, nowMs: number): string | undefined {
    const row = this.#sql.known.get([this.#queue, key, nowMs]);
    return row === undefined ? undefined : String((row as { readonly id: number }).id);
  }

  take(key: string, id: string, nowMs: number): void {
    const { windowMs, maxKeys } = this.#settings;
    this.#count(this.#sql.forgetOld.run([this.#queue, nowMs]));
    // One whose window is over may still be there.
    this.#count(this.#sql.forget.run([this.#queue, key]));
    this.#sql.remember.run([this.#queue, key, Number(id), nowMs + Math.ceil(windowMs)]);
    this.#row.known += 1;
    const tooMany = this.#row.known - maxKeys;
    if (tooMany > 0) this.#count(this.#sql.forgetFirst.run([this.#queue, tooMany]));
  }

  #count({ changes }: { readonly changes: number }): void {
    this.#row.known -= changes;
  }
}
