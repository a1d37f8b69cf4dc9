import type { Statements } from './statements.ts';

/** Stands in `stop` of a key that somebody has paused; else there is the id of the dead item that halts it. */
const PAUSED = 'paused';

export interface WaitingRow {
  readonly id: number;
  readonly not_before_ms: number;
  readonly priority: number;
}

/** Which items of a key may be active, and which wait behind them in the order of their arrival. */
export class LaneRows {
  readonly #sql: Statements;
  readonly #queue: string;
  readonly #concurrency: number;

  constructor(sql: Statements, queue: string, concurrency: number) {
    this.#sql = sql;
    this.#queue = queue;
    this.#concurrency = concurrency;
  }

  get stopped(): string[] {
    const rows = this.#sql.stopped.all([this.#queue]) as { readonly key: string }[];
    return rows.map(({ key }) => key);
  }

  isStopped(key: string | null): boolean {
    return key !== null && this.#read(key).stop !== null;
  }

  haltedBy(key: string | null): number | undefined {
    if (key === null) return undefined;
    const { stop } = this.#read(key);
    return stop === null || stop === PAUSED ? undefined : Number(stop);
  }

  /** True: an item of the key is active from now on. False: it waits. */
  enter(key: string | undefined): boolean {
    if (key === undefined) return true;
    const { active, stop } = this.#read(key);
    if (stop !== null || active >= this.#concurrency) return false;
    this.#write(key, active + 1, stop);
    return true;
  }

  /** An active item goes back to where it waits. */
  retreat(key: string): void {
    const { active, stop } = this.#read(key);
    this.#write(key, active - 1, stop);
  }

  /** An active item is done; gives the one that is active in its stead. */
  leave(key: string | null): WaitingRow | undefined {
    if (key === null) return undefined;
    const { active, stop } = this.#read(key);
    this.#write(key, active - 1, stop);
    return this.#admit(key);
  }

  pause(key: string): void {
    this.#write(key, this.#read(key).active, PAUSED);
  }

  halt(key: string, by: number): void {
    this.#write(key, this.#read(key).active, String(by));
  }

  /** Gives those that are active now, one after the other: each is to leave its place before the next is asked for. */
  *resume(key: string): Generator<WaitingRow> {
    this.#write(key, this.#read(key).active, null);
    for (let next = this.#admit(key); next !== undefined; next = this.#admit(key)) yield next;
  }

  #admit(key: string): WaitingRow | undefined {
    const { active, stop } = this.#read(key);
    if (stop !== null || active >= this.#concurrency) return undefined;
    const next = this.#sql.waiting.get([this.#queue, key]) as WaitingRow | undefined;
    if (next !== undefined) this.#write(key, active + 1, stop);
    return next;
  }

  #read(key: string): { readonly active: number; readonly stop: string | null } {
    const row = this.#sql.lane.get([this.#queue, key]);
    return (
      (row as { readonly active: number; readonly stop: string | null } | undefined) ?? {
        active: 0,
        stop: null,
      }
    );
  }

  #write(key: string, active: number, stop: string | null): void {
    if (active <= 0 && stop === null) this.#sql.removeLane.run([this.#queue, key]);
    else this.#sql.setLane.run([this.#queue, key, active, stop]);
  }
}
