import { isHoldfastError, onAbort, raceAbort, type Listeners } from '@holdfast/internal';
import { BatchInFlight, allRows, decodeRow } from './batch-in-flight.ts';
import type { WriterEvents, WriterSnapshot } from './batch-writer.ts';
import type { DecodedRow, RejectedRow, Settled } from './row-outcome.ts';
import { rowsOf, type Batch } from './blocks/batch.ts';
import { classifyPgError, sqlstateOf, type PgFailure } from './classify.ts';
import { PartTooSlowError } from './errors.ts';
import type { Lane } from './lane.ts';
import type { ResolvedOptions } from './options.ts';
import { runWithRetry, type Outcome } from './retry-loop.ts';
import { rowCount, type Part, type Sent } from './sending/part.ts';
import { NOTHING, sumOf } from './settled.ts';
import { PgSender } from './sending/pg-sender.ts';
import type { FiledBatch } from './spool/batch-file.ts';
import type { SpooledBatch } from './spool/spool.ts';
import type { Spooler } from './spool/spooler.ts';
import type { QueuedBatch } from './queued-batch.ts';

export interface SendingContext {
  readonly signal: AbortSignal;
  readonly isSending: () => boolean;
  readonly halt: (error: unknown) => void;
  /** So many rows, of so many bytes, are no longer held. */
  readonly onLeft: (rows: number, bytes: number) => void;
  readonly listeners: Listeners<WriterEvents<object>>;
  readonly spooler: Spooler | undefined;
}

type Tally = Pick<
  WriterSnapshot,
  'flushes' | 'retries' | 'conflicts' | 'doubts' | 'isolations' | 'deadlocks'
>;

/** Sends batches, with everything that can go wrong: retries, the guard, the dead letter, the counting. */
export class Sending {
  readonly #options: ResolvedOptions;
  readonly #context: SendingContext;
  readonly #sender: PgSender;
  #counts = NOTHING;
  readonly #tally = { flushes: 0, retries: 0, doubts: 0, isolations: 0, deadlocks: 0 };
  #resumptions = 0;
  /** Settles when the rows that were dropped last are in the dead letter. */
  #dropped: Promise<void> | undefined;
  #undelivered: DecodedRow<object>[] = [];
  /** Rows that were dropped, until the dead letter has them. */
  #droppedRows = 0;

  constructor(options: ResolvedOptions, context: SendingContext) {
    this.#options = options;
    this.#context = context;
    this.#sender = new PgSender(options);
  }

  get counts(): Settled {
    return this.#counts;
  }

  get tally(): Tally {
    return { ...this.#tally, conflicts: this.#sender.conflicts };
  }

  get droppedRows(): number {
    return this.#droppedRows;
  }

  /** Hands over the rows that were dropped, but that the dead letter could not be given. */
  takeUndelivered(): readonly DecodedRow<object>[] {
    this.#droppedRows -= this.#undelivered.length;
    return this.#undelivered.splice(0);
  }

  get dropped(): Promise<void> | undefined {
    return this.#dropped;
  }

  onResumed(): void {
    this.#resumptions += 1;
    this.#sender.forget();
  }

  addSettled(settled: Settled): void {
    this.#counts = sumOf(this.#counts, settled);
  }

  /** Makes a batch ready to be sent; undefined when its file is given up, or cannot be read, which halts. */
  async start(lane: number, queued: QueuedBatch): Promise<BatchInFlight | undefined> {
    if (queued.kind === 'held') {
      const { batch } = queued;
      return this.#batchInFlight({ batch, todo: undefined }, { lane, queued });
    }
    try {
      const filed = await this.#context.spooler?.load(queued.spooled);
      return filed && this.#batchInFlight(filed, { lane, queued });
    } catch (error) {
      this.#context.halt(error);
      return undefined;
    }
  }

  /** Gives the oldest batch of the lane to the dead letter; false when there is none, or the last one is on its way. */
  drop(lane: Lane): boolean {
    if (this.#dropped !== undefined) return false;
    const queued = lane.dropOldest();
    if (queued === undefined) return false;
    const { batch } = queued;
    const { format } = this.#options.table;
    const rows = allRows(batch).map((row): RejectedRow<object> => ({
      row: decodeRow(batch, row, format),
      reason: 'dropped: the buffer was full and the row the oldest',
      sqlstate: undefined,
      column: undefined,
      constraint: undefined,
      mayBeStored: false,
    }));
    this.#droppedRows += rows.length;
    this.#context.onLeft(rows.length, batch.bytes.length);
    this.#dropped = this.#deliverDropped(batch, rows).then((isDelivered) => {
      this.#dropped = undefined;
      // What `close()` gives back is not settled: whoever waits for it is told so there.
      if (isDelivered) lane.endDrop();
    });
    return true;
  }

  /** False: the writer was stopped before the dead letter could be given them. */
  async #deliverDropped(batch: Batch, rows: readonly RejectedRow<object>[]): Promise<boolean> {
    // Also while the writer is paused or halted: that keeps rows from the database, and these do not go there.
    const outcome = await this.#deliver(-1, rows, () => !this.#context.signal.aborted);
    if (outcome.status !== 'done') {
      this.#undelivered.push(...rows.map(({ row }) => row));
      return false;
    }
    this.#droppedRows -= rows.length;
    this.addSettled({ ...NOTHING, rejected: rows.length });
    for (const [row, waiter] of batch.waiters ?? []) {
      waiter.resolve({ status: 'rejected', rejection: rows[row] });
    }
    return true;
  }

  #batchInFlight(
    filed: FiledBatch,
    { lane, queued }: { readonly lane: number; readonly queued: QueuedBatch },
  ): BatchInFlight {
    const { clock, table } = this.#options;
    const { batch } = filed;
    const startedMs = clock.now();
    const isRecovered = queued.kind === 'spooled' && queued.isRecovered;
    let questions = 0;
    return new BatchInFlight(filed, isRecovered, {
      queued,
      format: table.format,
      losersAre: table.conflict.action === 'update' ? 'superseded' : 'duplicate',
      readDone: () =>
        this.#retry(
          lane,
          () => this.#sender.readDone(batch, ++questions, this.#context.signal),
          classifyPgError,
        ),
      sendPart: (part) => this.#retry(lane, () => this.#sendPart(part), classifierOf(part)),
      deliver: (rows) => this.#deliver(lane, rows),
      onIsolation: () => void (this.#tally.isolations += 1),
      onSettled: async (settled) => {
        this.addSettled(settled);
        this.#tally.flushes += 1;
        if (queued.kind === 'held') this.#context.onLeft(rowsOf(batch), batch.bytes.length);
        else await this.#removeFile(queued.spooled);
        // Last: while a file is there, a writer that comes after us asks the ledger.
        const forget = (): void => this.#sender.settled(batch);
        if (this.#context.spooler === undefined) forget();
        else this.#context.spooler.afterMove(batch, forget);
        const durationMs = clock.now() - startedMs;
        const rows = settled.stored + settled.duplicate + settled.superseded + settled.rejected;
        this.#context.listeners.emit('flushed', { lane, rows, ...settled, durationMs });
      },
    });
  }

  async #removeFile(spooled: SpooledBatch): Promise<void> {
    try {
      await this.#context.spooler?.remove(spooled);
    } catch (error) {
      // Its rows are stored: whoever finds the file writes them again, with the same id.
      this.#context.listeners.emit('spoolFailed', { error });
    }
  }

  async #sendPart(part: Part): Promise<Sent> {
    const sent = await this.#attempt(part);
    if (sent !== 'too-slow') return sent;
    // Not within the guard, which would count it as a failure, and may reject with an error of its own.
    const { table, flushTimeoutMs } = this.#options;
    throw new PartTooSlowError(table.label, part.timeouts, flushTimeoutMs);
  }

  async #attempt(part: Part): Promise<Sent | 'too-slow'> {
    const { guard } = this.#options;
    const { signal } = this.#context;
    if (guard === undefined) return this.#sender.send(part, signal);
    let sending: Promise<Sent | 'too-slow'> | undefined;
    const run = (context: { readonly signal: AbortSignal }): Promise<Sent | 'too-slow'> => {
      const ended = new AbortController();
      const offs = [context.signal, signal].map((one) =>
        onAbort(one, (reason) => ended.abort(reason)),
      );
      sending = this.#sender.send(part, ended.signal).finally(() => {
        for (const off of offs) off();
      });
      return sending;
    };
    let failure: unknown;
    try {
      await raceAbort(guard.execute(run, { signal }), signal);
    } catch (error) {
      failure = error;
    }
    // A guard may give up on an attempt that goes on, or has stored the rows, or give something else for one that failed, or
    // that it never began: what counts is how that ended.
    if (sending === undefined) throw failure ?? new Error('the guard has not run the attempt');
    try {
      return await sending;
    } catch (error) {
      throw failure ?? error;
    }
  }

  async #deliver(
    lane: number,
    rows: readonly RejectedRow<object>[],
    isSending: () => boolean = this.#context.isSending,
  ): Promise<Outcome<void>> {
    const { onRejected } = this.#options;
    const outcome = await this.#retry(
      lane,
      () => raceAbort((async () => onRejected?.([...rows]))(), this.#context.signal),
      classifyDelivery,
      isSending,
    );
    if (outcome.status === 'done') this.#context.listeners.emit('rejected', { rows });
    return outcome;
  }

  #retry<T>(
    lane: number,
    work: () => Promise<T>,
    classify: (error: unknown) => PgFailure,
    isSending: () => boolean = this.#context.isSending,
  ): Promise<Outcome<T>> {
    const { backoff, maxElapsedMs, clock, table } = this.#options;
    return runWithRetry(work, {
      backoff,
      maxElapsedMs,
      clock,
      label: table.label,
      signal: this.#context.signal,
      classify,
      isSending,
      resumptions: () => this.#resumptions,
      onRetry: (retry) => {
        this.#tally.retries += 1;
        if (isHoldfastError(retry.error, 'ANSWER_LOST')) this.#tally.doubts += 1;
        if (sqlstateOf(retry.error) === '40P01') this.#tally.deadlocks += 1;
        this.#context.listeners.emit('retry', { lane, ...retry });
      },
      halt: this.#context.halt,
    });
  }
}

/** Rows that the server takes longer for than `statement_timeout` are sent in halves; a row alone is tried again. */
function classifierOf(part: Part): (error: unknown) => PgFailure {
  let cancellations = 0;
  return (error) => {
    const failure = classifyPgError(error);
    // The first time somebody may just have cancelled it.
    const isTooMuch = failure.sqlstate === QUERY_CANCELED && ++cancellations > 1;
    // The line that it has come to is not to blame.
    return isTooMuch && rowCount(part) > 1
      ? { ...failure, class: 'row', line: undefined }
      : failure;
  };
}

const QUERY_CANCELED = '57014';

/** Whatever a dead letter sink throws, the rows are still ours: it is asked again. */
function classifyDelivery(): PgFailure {
  return {
    class: 'retry',
    sqlstate: undefined,
    column: undefined,
    constraint: undefined,
    line: undefined,
  };
}
