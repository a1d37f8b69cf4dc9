import { createBackoff, isHoldfastError, onAbort, sleep, type Timer } from '@holdfast/internal';
import { classifyPgError, sqlstateOf } from '../classify.ts';
import { RetryExhaustedError } from '../errors.ts';
import type { BoundClient } from '../sending/bound-client.ts';
import { useClient } from '../sending/client-use.ts';
import { FIRST_CHUNK_ROWS, nextChunkRows } from './chunk-size.ts';
import {
  DuplicatesRefusedError,
  DuplicatesTakenOverError,
  explainFailure,
} from './duplicates-errors.ts';
import type { ResolvedDuplicatesOptions } from './duplicates-options.ts';
import { isLeftOver, readState, type WorkContext, type WorkState } from './work-table.ts';

export interface ChunksDone {
  readonly state: WorkState;
  readonly longestTxMs: number;
  readonly isAborted: boolean;
}

/** Longest without an answer; a short transaction that takes so long has lost its server. */
const CHUNK_TIMEOUT_MS = 60_000;

/** A chunk is not cut short when the run is told to stop, for then nobody would know what it did; but only for so long. */
const GRACE_MS = 5_000;

/** Failures in a row. With the pauses between them they fill about a minute. */
const MAX_ATTEMPTS = 12;

const BACKOFF = createBackoff({ baseMs: 100, capMs: 10_000, jitter: 'equal' });

/** Deletes the victims chunk by chunk, each in a transaction of its own. */
export class ChunkDeleter {
  readonly #options: ResolvedDuplicatesOptions;
  readonly #context: WorkContext;
  #state: WorkState;
  #rows: number;
  #longestTxMs = 0;
  /** False behind a failure: it may have been committed. */
  #isStateCertain = true;

  constructor(options: ResolvedDuplicatesOptions, context: WorkContext, opened: WorkState) {
    this.#options = options;
    this.#context = context;
    this.#state = opened;
    this.#rows = Math.min(FIRST_CHUNK_ROWS, options.chunkRows);
  }

  async run(onChunk: (state: WorkState) => void): Promise<ChunksDone> {
    const { signal, pauseMs } = this.#options;
    while (!signal.aborted && this.#state.position < this.#state.duplicates) {
      const isDone = await this.#nextChunk();
      if (!isDone) break;
      onChunk(this.#state);
      if (pauseMs > 0 && this.#state.position < this.#state.duplicates) await this.#pause(pauseMs);
    }
    return {
      state: this.#state,
      longestTxMs: this.#longestTxMs,
      isAborted: this.#state.position < this.#state.duplicates,
    };
  }

  /** Tries until it is deleted; false when the run was told to stop. */
  async #nextChunk(): Promise<boolean> {
    const { clock, signal, pool } = this.#options;
    const { label } = this.#context.table;
    const beganMs = clock.now();
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#use(async (client) => {
          if (!this.#isStateCertain) await this.#readState(client);
          if (this.#state.position < this.#state.duplicates) await this.#deleteChunk(client);
        });
        return true;
      } catch (error) {
        if (signal.aborted && error === signal.reason) return false;
        const explained = explainFailure(label, pool, error);
        if (!isPassing(explained))
          throw (await this.#isGone(error)) ? this.#takenOver(error) : explained;
        if (attempt === MAX_ATTEMPTS) {
          throw new RetryExhaustedError(label, attempt, clock.now() - beganMs, error);
        }
        // A smaller one waits for fewer locks of others.
        this.#rows = Math.max(1, Math.floor(this.#rows / 2));
      }
      await this.#pause(BACKOFF(attempt, 0));
      if (signal.aborted) return false;
    }
  }

  async #deleteChunk(client: BoundClient): Promise<void> {
    const { clock, maxTxMs } = this.#options;
    const { statements, run } = this.#context;
    const to = Math.min(this.#state.position + this.#rows, this.#state.duplicates);
    this.#isStateCertain = false;
    const beganMs = clock.now();
    const deleted = await client.transaction(async () => {
      await client.begin(beginChunk(maxTxMs));
      const { rows } = await client.query<{ deleted: string }>(statements.deleteChunk, [
        this.#state.position,
        to,
        run,
      ]);
      if (rows[0] === undefined) throw this.#takenOver();
      await client.query('COMMIT');
      return Number(rows[0].deleted);
    });
    const tookMs = clock.now() - beganMs;
    this.#longestTxMs = Math.max(this.#longestTxMs, tookMs);
    this.#rows = nextChunkRows(to - this.#state.position, tookMs, this.#options);
    this.#state = { ...this.#state, deleted, position: to };
    this.#isStateCertain = true;
  }

  async #readState(client: BoundClient): Promise<void> {
    const state = await readState(client, this.#context);
    if (state === undefined) {
      const reason = 'the server has crashed and lost what was found; begin again';
      throw new DuplicatesRefusedError(this.#context.table.label, reason);
    }
    this.#state = state;
    this.#isStateCertain = true;
  }

  async #use(work: (client: BoundClient) => Promise<void>): Promise<void> {
    const { pool, clock, signal } = this.#options;
    const late = new AbortController();
    let timer: Timer | undefined;
    const off = onAbort(signal, (reason) => {
      timer = clock.setTimer(() => late.abort(reason), GRACE_MS);
    });
    const { label } = this.#context.table;
    try {
      await useClient(
        { pool, clock, timeoutMs: CHUNK_TIMEOUT_MS, signal: late.signal, label },
        work,
      );
    } finally {
      off();
      timer?.cancel();
    }
  }

  async #pause(ms: number): Promise<void> {
    const { clock, signal } = this.#options;
    try {
      await sleep(ms, { clock, signal });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** The table of victims: another run has come to the end and dropped it. What is missing may be a table of a trigger, too. */
  async #isGone(error: unknown): Promise<boolean> {
    if (sqlstateOf(error) !== '42P01') return false;
    let isThere = true;
    await this.#use(async (client) => {
      isThere = await isLeftOver(client, this.#context);
    });
    return !isThere;
  }

  #takenOver(cause?: unknown): DuplicatesTakenOverError {
    return new DuplicatesTakenOverError(this.#context.table.label, { cause });
  }
}

/**
 * READ COMMITTED, because what others have changed is judged again. A plan that reads the whole table for a chunk may look
 * cheaper than as many look-ups, and costs each chunk a scan. Where a trigger has to scan all the same, its plan looks so
 * expensive that the server would compile it (PostgreSQL, "Just-in-Time Compilation"), anew for each row that is deleted: 1,800
 * checks of a foreign key without an index took 30 s instead of 0.2 s. A lock of others counts as slow, too.
 */
function beginChunk(maxTxMs: number): string {
  return (
    'BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL jit = off; SET LOCAL enable_seqscan = off; ' +
    `SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL lock_timeout = ${Math.ceil(maxTxMs)}`
  );
}

function isPassing(error: unknown): boolean {
  if (isHoldfastError(error)) return error.code === 'FLUSH_TIMEOUT';
  return classifyPgError(error).class === 'retry';
}
