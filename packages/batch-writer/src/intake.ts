import { requireObject, type Deferred, type Timer } from '@holdfast/internal';
import type { RowResult } from './row-outcome.ts';
import type { Batch } from './blocks/batch.ts';
import { OpenBlock } from './blocks/open-block.ts';
import { sealBlock, type SealRules } from './blocks/seal.ts';
import { RowTooLargeError } from './errors.ts';
import type { ResolvedOptions } from './options.ts';
import { Room } from './room.ts';
import { toValidRow } from './valid-row.ts';

export interface IntakeContext {
  /** Why no row is taken now. */
  readonly refusal: () => Error | undefined;
  readonly onAccepted: () => void;
  /** Gets, by lane, the batches that are ready to be sent. */
  readonly onSealed: (batches: readonly (readonly Batch[])[]) => void;
  readonly isLaneIdle: () => boolean;
  /** Makes room by moving batches to disk, while somebody waits for it. */
  readonly spoolSome: () => void;
  /** Makes room by dropping a batch; false when there is none to drop. */
  readonly dropOldest: () => boolean;
}

/**
 * Takes rows, within the bounds of the buffer, and makes batches of them: when enough are there, when the oldest has
 * waited for long enough and a lane is idle, or when somebody waits for them to be sent.
 */
export class Intake {
  readonly #options: ResolvedOptions;
  readonly #context: IntakeContext;
  readonly #rules: SealRules;
  readonly #block: OpenBlock;
  readonly #room: Room;
  #lingerTimer: Timer | undefined;
  #isLingerOver = false;

  constructor(options: ResolvedOptions, context: IntakeContext) {
    const { table, batch, lanes, buffer } = options;
    this.#options = options;
    this.#context = context;
    this.#block = new OpenBlock(table.format);
    this.#room = new Room(buffer);
    const isKeyed = table.key.length > 0;
    this.#rules = {
      format: table.format,
      columns: table.columns,
      isKeyed,
      wins: winsIn(table.conflict),
      lanes,
      maxRows: batch.maxRows,
      maxBytes: batch.maxBytes,
    };
  }

  get rows(): number {
    return this.#room.rows;
  }

  get bytes(): number {
    return this.#room.bytes;
  }

  get waiters(): number {
    return this.#room.waiters;
  }

  get oldestAtMs(): number | undefined {
    return this.#block.oldestAtMs;
  }

  /**
   * Takes a row at once, or when there is room for it.
   *
   * @throws {TypeError | RowInvalidError | RowTooLargeError} and does not take it.
   */
  take(
    row: object,
    waiter: Deferred<RowResult<object>> | undefined,
    signal: AbortSignal | undefined,
  ): true | Promise<void> {
    const { validate, buffer } = this.#options;
    // An array has no columns: it would be a row of NULLs.
    const valid = requireObject('row', validate === undefined ? row : toValidRow(validate, row));
    // After the schema, which may have closed the writer.
    const refusal = this.#context.refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    const bytes = this.#block.encode(valid);
    if (bytes > buffer.maxBytes) throw new RowTooLargeError(bytes, buffer.maxBytes);
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    if (!this.#room.tryEnter(bytes) && !this.#enterByDropping(bytes)) {
      const waits = buffer.whenFull === 'wait' || buffer.whenFull === 'spool';
      return waits ? this.#wait(bytes, waiter, signal) : Promise.reject(this.#room.fullError());
    }
    this.#block.keep(this.#options.clock.now(), waiter);
    this.#onTaken();
    return true;
  }

  /** Rows are settled, or given back: others may take their place. */
  leave(rows: number, bytes: number): void {
    this.#room.leave(rows, bytes);
    this.#sealIfDue();
  }

  /** Makes batches of all that is there. */
  seal(): void {
    this.#lingerTimer?.cancel();
    this.#lingerTimer = undefined;
    this.#isLingerOver = false;
    const batches = this.#block.rows === 0 ? undefined : sealBlock(this.#block, this.#rules);
    // Also when it is empty: a row that calls us while it is being read must not be taken afterwards.
    this.#block.clear();
    if (batches !== undefined) this.#context.onSealed(batches);
  }

  onLaneIdle(): void {
    this.#sealIfDue();
  }

  rejectWaiters(reason: unknown): void {
    this.#room.rejectWaiters(reason);
  }

  #enterByDropping(bytes: number): boolean {
    if (this.#options.buffer.whenFull !== 'drop-oldest') return false;
    // What is to be dropped may still be in the open block; the row that was encoded last is then encoded there again.
    const encoded = this.#block.copyEncoded();
    while (!this.#room.tryEnter(bytes)) {
      if (this.#context.dropOldest()) continue;
      if (this.#block.rows === 0) return false;
      this.seal();
      if (!this.#context.dropOldest()) return false;
    }
    this.#block.restore(encoded);
    return true;
  }

  #wait(
    bytes: number,
    waiter: Deferred<RowResult<object>> | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const encoded = this.#block.copyEncoded();
    const admit = (): void => {
      this.#block.restore(encoded);
      this.#block.keep(this.#options.clock.now(), waiter);
      this.#onTaken();
    };
    const waiting = this.#room.wait(bytes, admit, signal);
    this.#sealIfDue();
    if (this.#options.buffer.whenFull === 'spool') this.#context.spoolSome();
    return waiting;
  }

  #onTaken(): void {
    this.#context.onAccepted();
    const { rows, bytes } = this.#block;
    const { maxRows, maxBytes, lanes, isKeyed } = this.#rules;
    const shares = isKeyed ? lanes : 1;
    if (rows >= maxRows * shares || bytes >= maxBytes * shares) this.seal();
    else this.#lingerTimer ??= this.#startLinger();
  }

  #startLinger(): Timer | undefined {
    if (this.#isLingerOver) return undefined;
    return this.#options.clock.setTimer(() => {
      this.#lingerTimer = undefined;
      this.#isLingerOver = true;
      this.#sealIfDue();
    }, this.#options.batch.lingerMs);
  }

  /** A lane that is busy would only queue them: meanwhile, more may join. */
  #sealIfDue(): void {
    // While somebody waits for room, no row waits for company.
    const isDue = this.#isLingerOver || this.#room.waiters > 0;
    if (isDue && this.#block.rows > 0 && this.#context.isLaneIdle()) this.seal();
  }
}

/** Rows of one key have the effect that they would have one after the other. */
function winsIn(conflict: ResolvedOptions['table']['conflict']): SealRules['wins'] {
  if (conflict.action === 'error') return 'all';
  if (conflict.action === 'nothing') return 'first';
  if (conflict.newerThan === undefined) return 'last';
  return conflict.newerThan.tie === 'replace' ? 'latest-last' : 'latest-first';
}
