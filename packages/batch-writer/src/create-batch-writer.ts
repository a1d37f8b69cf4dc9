import {
  createListeners,
  raceAbort,
  requireFunction,
  requireNumber,
  throwIfAborted,
  type Listeners,
} from '@holdfast/internal';
import { BatchInFlight, SETTLEMENTS, type Rejection } from './batch-in-flight.ts';
import type {
  BatchWriter,
  BatchWriterOptions,
  CloseReport,
  WriterEvents,
  WriterSnapshot,
  WriterState,
} from './batch-writer.ts';
import { classifyPgError, type PgFailure } from './classify.ts';
import { encodeRow, type EncodedRow } from './encode-row.ts';
import {
  RetryExhaustedError,
  RowsReturnedError,
  WriterClosedError,
  WriterHaltedError,
} from './errors.ts';
import { Lane } from './lane.ts';
import { laneOf } from './lane-of.ts';
import { resolveBatchWriterOptions, type ResolvedOptions } from './options.ts';
import { toRejectedRow } from './rejected-row.ts';
import { runWithRetry, type Outcome } from './retry-loop.ts';
import { Room } from './room.ts';
import { runStatement } from './run-statement.ts';
import { columnArrays, insertStatement } from './statement.ts';
import { takeRows } from './take-rows.ts';

/**
 * Creates a writer that collects rows, sends them in batches of one statement each, and accounts for every one.
 *
 * @throws {TypeError | RangeError} when an option is missing or out of range.
 */
export function createBatchWriter<Row extends object>(
  options: BatchWriterOptions<Row>,
): BatchWriter<Row> {
  return new Writer(resolveBatchWriterOptions(options));
}

class Writer<Row extends object> implements BatchWriter<Row> {
  readonly #options: ResolvedOptions<Row>;
  readonly #statement: string;
  readonly #room: Room;
  readonly #lanes: readonly Lane[];
  readonly #listeners: Listeners<WriterEvents<Row>> = createListeners();
  /** Aborted when `close()` no longer waits. */
  readonly #stop = new AbortController();
  readonly #counts = {
    accepted: 0,
    stored: 0,
    duplicate: 0,
    superseded: 0,
    rejected: 0,
    returned: 0,
    flushes: 0,
    retries: 0,
  };
  #phase: 'open' | 'closing' | 'closed' = 'open';
  #halt: { readonly error: unknown } | undefined;
  #resumptions = 0;
  #closed: Promise<CloseReport<Row>> | undefined;

  constructor(options: ResolvedOptions<Row>) {
    this.#options = options;
    this.#statement = insertStatement(options.table);
    this.#room = new Room(options.buffer);
    this.#lanes = Array.from({ length: options.lanes }, (_, index) => this.#createLane(index));
  }

  write(
    row: Row,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): true | Promise<void> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    const encoded = encodeRow(this.#options.table, row, this.#options.clock.now());
    const entered = this.#room.enter(encoded, () => this.#accept(encoded), signal);
    if (entered !== true) this.#hurryForWaiters();
    return entered;
  }

  writeMany(
    rows: Iterable<Row> | AsyncIterable<Row>,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<number> {
    return takeRows(rows, (row) => this.write(row, options), options.signal);
  }

  async flush({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    throwIfAborted(signal);
    if (this.#phase === 'closed') {
      if (this.#counts.returned > 0) throw new WriterClosedError(this.#options.table.label);
      return;
    }
    if (this.#halt !== undefined) throw this.#haltedError(this.#halt.error);
    await this.#settleLanes(signal);
  }

  resume(): void {
    if (this.#phase !== 'open' || this.#halt === undefined) return;
    this.#halt = undefined;
    this.#resumptions += 1;
    this.#listeners.emit('resumed', { bufferedRows: this.#room.rows });
    for (const lane of this.#lanes) lane.wake();
  }

  close({ timeoutMs }: { readonly timeoutMs?: number | undefined } = {}): Promise<
    CloseReport<Row>
  > {
    const limitMs = requireNumber('timeoutMs', timeoutMs ?? 30_000, { min: 0 });
    this.#closed ??= this.#close(limitMs);
    return this.#closed;
  }

  on<K extends keyof WriterEvents<Row>>(
    event: K,
    listener: (payload: WriterEvents<Row>[K]) => void,
  ): () => void {
    return this.#listeners.on(event, requireFunction('listener', listener));
  }

  snapshot(): WriterSnapshot {
    const now = this.#options.clock.now();
    const oldestAtMs = Math.min(now, ...this.#lanes.map((lane) => lane.oldestAtMs ?? now));
    return {
      state: this.#state(),
      ...this.#counts,
      bufferedRows: this.#room.rows,
      bufferedBytes: this.#room.bytes,
      waiters: this.#room.waiters,
      oldestRowMs: now - oldestAtMs,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { returned } = await this.close();
    // Nobody sees the report of a disposal, and it may hold the only copy of rows.
    if (returned.length > 0) throw new RowsReturnedError(this.#options.table.label, returned);
  }

  #createLane(index: number): Lane {
    return new Lane({
      clock: this.#options.clock,
      maxRows: this.#options.maxRows,
      lingerMs: this.#options.lingerMs,
      isSending: () => this.#isSending(),
      startBatch: (rows) => this.#startBatch(index, rows),
    });
  }

  #startBatch(lane: number, rows: readonly EncodedRow[]): BatchInFlight {
    const startedMs = this.#options.clock.now();
    return new BatchInFlight(rows, {
      wins: this.#options.table.latestBy === undefined ? 'first' : 'latest',
      sendRows: (part) => this.#retry(lane, () => this.#attempt(part), classifyPgError),
      deliver: (rejections) => this.#deliver(lane, rejections),
      onSettled: (settled, counts) => {
        for (const settlement of SETTLEMENTS) this.#counts[settlement] += counts[settlement];
        this.#room.leave(settled);
        this.#hurryForWaiters();
      },
      onFinished: (totals) => {
        this.#counts.flushes += 1;
        const durationMs = this.#options.clock.now() - startedMs;
        this.#listeners.emit('flushed', { lane, ...totals, durationMs });
      },
    });
  }

  #attempt(rows: readonly EncodedRow[]): Promise<number> {
    const { pool, clock, flushTimeoutMs, guard, table } = this.#options;
    const values = columnArrays(table, rows);
    const run = ({ signal }: { readonly signal: AbortSignal }): Promise<number> =>
      runStatement(this.#statement, values, {
        pool,
        clock,
        timeoutMs: flushTimeoutMs,
        signal,
        label: table.label,
      });
    const { signal } = this.#stop;
    return guard === undefined
      ? run({ signal })
      : raceAbort(guard.execute(run, { signal }), signal);
  }

  async #deliver(lane: number, rejections: readonly Rejection[]): Promise<Outcome<void>> {
    const rows = rejections.map((rejection) => toRejectedRow<Row>(rejection));
    const { onRejected } = this.#options;
    const outcome = await this.#retry(
      lane,
      () => raceAbort((async () => onRejected?.([...rows]))(), this.#stop.signal),
      classifyDelivery,
    );
    if (outcome.status === 'done') this.#listeners.emit('rejected', { rows });
    return outcome;
  }

  #retry<T>(
    lane: number,
    work: () => Promise<T>,
    classify: (error: unknown) => PgFailure,
  ): Promise<Outcome<T>> {
    const { backoff, maxElapsedMs, clock, table } = this.#options;
    return runWithRetry(work, {
      backoff,
      maxElapsedMs,
      clock,
      label: table.label,
      signal: this.#stop.signal,
      classify,
      isSending: () => this.#isSending(),
      resumptions: () => this.#resumptions,
      onRetry: (retry) => {
        this.#counts.retries += 1;
        this.#listeners.emit('retry', { lane, ...retry });
      },
      halt: (error) => this.#haltWith(error),
    });
  }

  #accept(row: EncodedRow): void {
    this.#counts.accepted += 1;
    this.#lanes[laneOf(row.keyText, this.#lanes.length)]?.push(row);
  }

  #haltWith(error: unknown): void {
    if (this.#halt !== undefined) return;
    this.#halt = { error };
    const reason = this.#haltedError(error);
    this.#room.rejectWaiters(reason);
    const flushReason = error instanceof RetryExhaustedError ? error : reason;
    for (const lane of this.#lanes) lane.rejectWaiters(flushReason);
    this.#listeners.emit('halted', { error });
  }

  async #close(timeoutMs: number): Promise<CloseReport<Row>> {
    this.#phase = 'closing';
    const closedError = new WriterClosedError(this.#options.table.label);
    this.#room.rejectWaiters(closedError);

    const timer = this.#options.clock.setTimer(() => this.#stop.abort(closedError), timeoutMs);
    // A halt rejects it, too; either way the rest is returned.
    const drained = this.#halt === undefined ? this.#settleLanes(undefined) : Promise.resolve();
    await raceAbort(drained, this.#stop.signal).catch(() => undefined);
    timer.cancel();
    this.#stop.abort(closedError);

    const kept = (await Promise.all(this.#lanes.map((lane) => lane.stop()))).flat();
    for (const lane of this.#lanes) lane.rejectWaiters(closedError);
    this.#room.leave(kept);
    this.#counts.returned = kept.length;
    this.#phase = 'closed';
    const { accepted, stored, duplicate, superseded, rejected } = this.#counts;
    const returned = kept.map(({ row }) => row as Row);
    return { accepted, stored, duplicate, superseded, rejected, returned };
  }

  async #settleLanes(signal: AbortSignal | undefined): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.settle(signal)));
  }

  /** While somebody waits for room, no row waits for company. */
  #hurryForWaiters(): void {
    if (this.#room.waiters > 0) for (const lane of this.#lanes) lane.hurry();
  }

  #isSending(): boolean {
    return this.#halt === undefined && !this.#stop.signal.aborted;
  }

  #refusal(): Error | undefined {
    if (this.#phase !== 'open') return new WriterClosedError(this.#options.table.label);
    return this.#halt === undefined ? undefined : this.#haltedError(this.#halt.error);
  }

  #haltedError(cause: unknown): WriterHaltedError {
    return new WriterHaltedError(this.#options.table.label, cause);
  }

  #state(): WriterState {
    return this.#phase === 'open' && this.#halt !== undefined ? 'halted' : this.#phase;
  }
}

/** Whatever a dead letter sink throws, the rows are still ours: it is asked again. */
function classifyDelivery(): PgFailure {
  return { class: 'retry', sqlstate: undefined, column: undefined, constraint: undefined };
}
