import { setMaxListeners } from 'node:events';
import {
  createDeferred,
  createListeners,
  onAbort,
  requireNumber,
  requireOptions,
  throwIfAborted,
  type Deferred,
  type Listeners,
} from '@holdfast/internal';
import type {
  BatchWriter,
  BatchWriterOptions,
  WaitOptions,
  WriterEvents,
  WriterSnapshot,
  WriterState,
} from './batch-writer.ts';
import type { CloseReport, DecodedRow, RowResult, Settled } from './row-outcome.ts';
import {
  RetryExhaustedError,
  RowsReturnedError,
  WriterClosedError,
  WriterHaltedError,
} from './errors.ts';
import { Intake } from './intake.ts';
import { Lanes } from './lanes.ts';
import { resolveBatchWriterOptions, type ResolvedOptions } from './options.ts';
import { Sending } from './sending.ts';
import { differenceOf, NOTHING } from './settled.ts';
import { openSpooler } from './spool/open-spooler.ts';
import type { Spooler } from './spool/spooler.ts';
import { gatherUnsettled } from './gather-unsettled.ts';
import { takeRows } from './take-rows.ts';
import { createWritable } from './writable.ts';

/**
 * Creates a writer that collects rows, sends them in batches with COPY, and accounts for every one.
 *
 * @throws {TypeError | RangeError} when an option is unknown, missing or out of range.
 */
export function createBatchWriter<Row extends object>(
  options: BatchWriterOptions<Row>,
): BatchWriter<Row> {
  return new Writer(resolveBatchWriterOptions(options));
}

class Writer<Row extends object> implements BatchWriter<Row> {
  readonly #options: ResolvedOptions;
  readonly #intake: Intake;
  readonly #lanes: Lanes;
  readonly #sending: Sending;
  readonly #spooler: Spooler | undefined;
  readonly #listeners: Listeners<WriterEvents<Row>> = createListeners({
    ...{ flushed: true, retry: true, rejected: true, halted: true, resumed: true },
    ...{ spoolFailed: true },
  });
  /** Aborted when `close()` no longer waits. */
  readonly #stop = new AbortController();
  readonly #rowWaiters = new Set<Deferred<RowResult<object>>>();
  /** Rows that were in the spool at the beginning. */
  readonly #recovered: number;
  #accepted = 0;
  #returned = 0;
  #phase: 'open' | 'closing' | 'closed' = 'open';
  #isPaused = false;
  #halt: { readonly error: unknown } | undefined;
  #closed: Promise<CloseReport<Row>> | undefined;

  constructor(options: ResolvedOptions) {
    this.#options = options;
    // One for each lane, and no sign of a leak.
    setMaxListeners(0, this.#stop.signal);
    this.#spooler = openSpooler(options, {
      onLeft: (rows, bytes) => this.#intake.leave(rows, bytes),
      onFailed: (error) => this.#listeners.emit('spoolFailed', { error }),
      onGone: (rows) => this.#sending.addSettled({ ...NOTHING, rejected: rows }),
    });
    this.#recovered = this.#spooler?.rows ?? 0;
    this.#sending = new Sending(options, {
      signal: this.#stop.signal,
      isSending: () => this.#isSending(),
      halt: (error) => this.#haltWith(error),
      onLeft: (rows, bytes) => this.#intake.leave(rows, bytes),
      listeners: this.#listeners,
      spooler: this.#spooler,
    });
    this.#intake = new Intake(options, {
      refusal: () => this.#refusal(),
      onAccepted: () => void (this.#accepted += 1),
      onSealed: (batches) => this.#lanes.push(batches),
      isLaneIdle: () => this.#isSending() && this.#lanes.hasIdle,
      spoolSome: () => this.#spoolSome(),
      dropOldest: () => this.#sending.drop(this.#lanes.oldest()),
    });
    this.#lanes = new Lanes(options.lanes, {
      isSending: () => this.#isSending(),
      start: (lane, queued) => this.#sending.start(lane, queued),
      onIdle: () => this.#intake.onLaneIdle(),
      spooler: this.#spooler,
    });
  }

  write(row: Row | DecodedRow<Row>, { signal }: WaitOptions = {}): true | Promise<void> {
    return this.#intake.take(row, undefined, signal);
  }

  writeMany(
    rows: Iterable<Row | DecodedRow<Row>> | AsyncIterable<Row | DecodedRow<Row>>,
    options: WaitOptions = {},
  ): Promise<number> {
    return takeRows(rows, (row) => this.write(row, options), options.signal);
  }

  async writeAndWait(
    row: Row | DecodedRow<Row>,
    { signal }: WaitOptions = {},
  ): Promise<RowResult<Row>> {
    const waiter = createDeferred<RowResult<object>>();
    this.#rowWaiters.add(waiter);
    const off = onAbort(signal, (reason) => waiter.reject(reason));
    try {
      await this.#intake.take(row, waiter, signal);
      return (await waiter.promise) as RowResult<Row>;
    } finally {
      off();
      this.#rowWaiters.delete(waiter);
      // It may have been told twice: that the row was not taken, and why.
      waiter.promise.catch(() => undefined);
    }
  }

  asWritable(): NodeJS.WritableStream {
    return createWritable(this);
  }

  async flush({ signal }: WaitOptions = {}): Promise<Settled> {
    throwIfAborted(signal);
    const before = this.#sending.counts;
    if (this.#phase === 'closed' && this.#returned > 0) throw this.#closedError();
    if (this.#phase === 'closed') return differenceOf(before, before);
    if (this.#halt !== undefined) throw this.#haltedError(this.#halt.error);
    await this.#settleAll(signal);
    return differenceOf(this.#sending.counts, before);
  }

  pause(): void {
    if (this.#phase === 'open') this.#isPaused = true;
  }

  resume(): void {
    if (this.#phase !== 'open' || (this.#halt === undefined && !this.#isPaused)) return;
    this.#halt = undefined;
    this.#isPaused = false;
    this.#sending.onResumed();
    this.#listeners.emit('resumed', { bufferedRows: this.#intake.rows });
    this.#wake();
  }

  close(options: { readonly timeoutMs?: number | undefined } = {}): Promise<CloseReport<Row>> {
    requireOptions('close', options, { timeoutMs: true });
    const limitMs = requireNumber('timeoutMs', options.timeoutMs ?? 30_000, { min: 0 });
    this.#closed ??= this.#close(limitMs);
    return this.#closed;
  }

  on<K extends keyof WriterEvents<Row>>(
    event: K,
    listener: (payload: WriterEvents<Row>[K]) => void,
  ): () => void {
    return this.#listeners.on(event, listener);
  }

  snapshot(): WriterSnapshot {
    const now = this.#options.clock.now();
    const ages = [this.#intake, this.#lanes].map(({ oldestAtMs }) => oldestAtMs ?? now);
    return {
      state: this.#state(),
      accepted: this.#accepted,
      recovered: this.#recovered,
      returned: this.#returned,
      ...this.#sending.counts,
      ...this.#sending.tally,
      spooledRows: this.#spooler?.rows ?? 0,
      spooledBytes: this.#spooler?.bytes ?? 0,
      bufferedRows: this.#intake.rows + this.#sending.droppedRows,
      bufferedBytes: this.#intake.bytes,
      waiters: this.#intake.waiters,
      oldestRowMs: now - Math.min(...ages),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { returned } = await this.close();
    // Nobody sees the report of a disposal, and it may hold the only copy of rows.
    if (returned.length > 0) throw new RowsReturnedError(this.#options.table.label, returned);
  }

  #spoolSome(): void {
    this.#spooler?.relieve({
      entries: () => this.#lanes.entries(),
      isNeeded: () => this.#intake.waiters > 0,
      seal: () => this.#intake.seal(),
    });
  }

  #haltWith(error: unknown): void {
    if (this.#halt !== undefined) return;
    this.#halt = { error };
    const reason = this.#haltedError(error);
    this.#intake.rejectWaiters(reason);
    this.#rejectWaiters(error instanceof RetryExhaustedError ? error : reason);
    this.#listeners.emit('halted', { error });
  }

  #rejectWaiters(reason: unknown): void {
    this.#lanes.rejectWaiters(reason);
    for (const waiter of this.#rowWaiters) waiter.reject(reason);
  }

  async #close(timeoutMs: number): Promise<CloseReport<Row>> {
    this.#phase = 'closing';
    const closedError = this.#closedError();
    this.#intake.rejectWaiters(closedError);

    const timer = this.#options.clock.setTimer(() => this.#stop.abort(closedError), timeoutMs);
    this.#intake.seal();
    this.#wake();
    // A halt rejects it, too; either way the rest is returned.
    if (this.#halt === undefined) await this.#settleAll(this.#stop.signal).catch(() => undefined);
    timer.cancel();
    this.#stop.abort(closedError);

    await this.#spooler?.settled();
    const kept = await this.#lanes.stop();
    await this.#sending.dropped;
    this.#rejectWaiters(closedError);
    for (const { inFlight } of kept) {
      if (inFlight !== undefined) this.#sending.addSettled(inFlight.settledSoFar);
    }
    const left = await (this.#spooler?.keepLeftovers(kept) ?? kept);
    this.#spooler?.close();
    const unsettled = gatherUnsettled<Row>(left, this.#options.table.format);
    const undelivered = this.#sending.takeUndelivered() as readonly DecodedRow<Row>[];
    const returned = [...undelivered, ...unsettled.rows];
    this.#intake.leave(this.#intake.rows, this.#intake.bytes);
    this.#returned = returned.length;
    this.#phase = 'closed';
    return {
      accepted: this.#accepted,
      recovered: this.#recovered,
      ...this.#sending.counts,
      spooled: this.#spooler?.rows ?? 0,
      returned,
      unknown: unsettled.unknown,
    };
  }

  /** Resolves when all that has been taken is settled. */
  async #settleAll(signal: AbortSignal | undefined): Promise<void> {
    this.#intake.seal();
    await this.#lanes.settle(signal);
  }

  #wake(): void {
    this.#lanes.wake();
    this.#intake.onLaneIdle();
  }

  #isSending(): boolean {
    if (this.#halt !== undefined || this.#stop.signal.aborted) return false;
    return !this.#isPaused || this.#phase !== 'open';
  }

  #refusal(): Error | undefined {
    if (this.#phase !== 'open') return this.#closedError();
    return this.#halt && this.#haltedError(this.#halt.error);
  }

  #closedError(): WriterClosedError {
    return new WriterClosedError(this.#options.table.label);
  }

  #haltedError(cause: unknown): WriterHaltedError {
    return new WriterHaltedError(this.#options.table.label, cause);
  }

  #state(): WriterState {
    if (this.#phase !== 'open') return this.#phase;
    if (this.#halt !== undefined) return 'halted';
    return this.#isPaused ? 'paused' : 'open';
  }
}
