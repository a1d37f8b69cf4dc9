import { isHoldfastError } from '@holdfast/internal';
import type { Batch } from '../blocks/batch.ts';
import { sqlstateOf } from '../classify.ts';
import { AmbiguousCommitError, CommitPendingError, PoolClosedError } from '../errors.ts';
import type { ResolvedOptions } from '../options.ts';
import { hasEnded } from '../pool-ended.ts';
import type { BoundClient } from './bound-client.ts';
import { useClient } from './client-use.ts';
import { ledgerDelete, readLedger, type LedgerEntry } from './ledger.ts';
import { checkLedger } from './ledger-facts.ts';
import { rowCount, type Doubt, type Part, type Sent } from './part.ts';
import { readTableFacts, type TableFacts } from './table-facts.ts';
import { askForVerdict } from './whereabouts.ts';
import { copyPart, insertPart, type WriteContext } from './write-part.ts';

/** Writes parts of batches into the table, each in one transaction on one connection. */
export class PgSender {
  readonly #options: ResolvedOptions;
  /** Batches that are settled but still have entries in the ledger. */
  #settled: string[] = [];
  #facts: TableFacts | undefined;
  #isLedgerChecked = false;
  /** Parts that met a key that was there although none was expected. */
  conflicts = 0;
  /** The last part was one with conflicts, so it is likely that the next one is. */
  #expectsConflicts = false;

  constructor(options: ResolvedOptions) {
    this.#options = options;
  }

  /** What was learnt about the table may have changed: it is read again. */
  forget(): void {
    this.#facts = undefined;
    this.#isLedgerChecked = false;
  }

  /** The batch is settled: nobody will ask for its entries in the ledger any more. */
  settled({ id }: Batch): void {
    if (typeof this.#options.exactlyOnce === 'object') this.#settled.push(id);
  }

  /**
   * What an earlier writer has committed of the batch; without a ledger nobody knows.
   *
   * @param question how often it has been asked, this time included.
   */
  async readDone(
    batch: Batch,
    question: number,
    signal: AbortSignal,
  ): Promise<readonly LedgerEntry[]> {
    const { exactlyOnce } = this.#options;
    if (typeof exactlyOnce !== 'object') return [];
    return this.#use(signal, (client) => this.#askLedger(client, exactlyOnce, { batch, question }));
  }

  /**
   * One attempt. Rejects with what went wrong, `ANSWER_LOST` when the part may be in the table. `too-slow`: nothing of it is,
   * and nothing was tried, for it has timed out too often.
   */
  send(part: Part, signal: AbortSignal): Promise<Sent | 'too-slow'> {
    return this.#use(signal, (client) => this.#sendOn(client, part));
  }

  async #use<T>(signal: AbortSignal, work: (client: BoundClient) => Promise<T>): Promise<T> {
    const { pool, clock, flushTimeoutMs, table } = this.#options;
    try {
      return await useClient(
        { pool, clock, timeoutMs: flushTimeoutMs, signal, label: table.label },
        work,
      );
    } catch (error) {
      if (hasEnded(pool)) throw new PoolClosedError(table.label, error);
      throw error;
    }
  }

  async #sendOn(client: BoundClient, part: Part): Promise<Sent | 'too-slow'> {
    const { exactlyOnce, table } = this.#options;
    const facts = (this.#facts ??= await readTableFacts(client, table));
    if (typeof exactlyOnce === 'object') await this.#requireLedger(client, exactlyOnce.ledger);
    if (part.doubt !== undefined) {
      const sent = await this.#settleDoubt(client, part, part.doubt);
      if (sent !== undefined) return sent;
    }
    // Only here, where it is known that none of it is in the table.
    if (part.timeouts >= MOST_TIMEOUTS && rowCount(part) > 1) return 'too-slow';
    const settled = this.#settled.splice(0);
    const before =
      typeof exactlyOnce === 'object' && settled.length > 0
        ? [ledgerDelete(exactlyOnce.ledger, settled)]
        : [];
    try {
      return await this.#write(client, part, { options: this.#options, facts, before });
    } catch (error) {
      this.#settled.push(...settled);
      if (isTimeout(error)) part.timeouts += 1;
      throw error;
    }
  }

  async #write(client: BoundClient, part: Part, context: WriteContext): Promise<Sent> {
    if (this.#goesStraight(part, context.facts)) {
      try {
        const sent = await copyPart(client, part, context);
        // Somebody has put a trigger in front of the table meanwhile.
        if (sent.stored < rowCount(part) && !context.facts.hasTriggersInFront) this.forget();
        return sent;
      } catch (error) {
        if (sqlstateOf(error) !== '23505' || this.#options.table.conflict.action === 'error')
          throw error;
        part.meetsConflict = true;
        this.conflicts += 1;
      }
    }
    const sent = await insertPart(client, part, context);
    this.#expectsConflicts = sent.stored < rowCount(part);
    return sent;
  }

  #goesStraight(part: Part, { bearsCopy }: TableFacts): boolean {
    const { path, table } = this.#options;
    if (path === 'copy') return true;
    if (path !== 'auto' || !bearsCopy) return false;
    if (table.conflict.action === 'error') return true;
    // What updates stored rows meets them all the time.
    return table.conflict.action === 'nothing' && !part.meetsConflict && !this.#expectsConflicts;
  }

  /** Resolves with what was sent when it turns out to be in the table, with undefined when it is to be sent again. */
  async #settleDoubt(client: BoundClient, part: Part, doubt: Doubt): Promise<Sent | undefined> {
    const { table, exactlyOnce } = this.#options;
    if (typeof exactlyOnce === 'object') {
      doubt.questions += 1;
      const entries = await this.#askLedger(client, exactlyOnce, {
        batch: part.batch,
        question: doubt.questions,
      });
      if (entries.some(({ from, to }) => from === part.from && to === part.to)) return doubt.sent;
    } else if (doubt.where !== undefined) {
      doubt.questions += 1;
      const verdict = await askForVerdict(client, doubt.where, doubt.questions);
      if (verdict === 'committed') return doubt.sent;
      if (verdict === 'pending') throw new CommitPendingError(table.label);
      if (verdict === 'unknown') {
        if (table.conflict.action === 'error') throw new AmbiguousCommitError(table.label);
        // Harmless: the key makes it a repetition.
        part.meetsConflict = true;
      }
    }
    part.doubt = undefined;
    return undefined;
  }

  async #askLedger(
    client: BoundClient,
    { ledger }: { readonly ledger: string },
    { batch, question }: { readonly batch: Batch; readonly question: number },
  ): Promise<readonly LedgerEntry[]> {
    const { flushTimeoutMs, table } = this.#options;
    await this.#requireLedger(client, ledger);
    // Half of it: the answer must come before the connection is destroyed.
    const waitMs = flushTimeoutMs / 2;
    const entries = await readLedger(client, { ledger, batch, number: question, waitMs });
    if (entries === undefined) throw new CommitPendingError(table.label);
    return entries;
  }

  async #requireLedger(client: BoundClient, ledger: string): Promise<void> {
    if (this.#isLedgerChecked) return;
    await checkLedger(client, ledger);
    this.#isLedgerChecked = true;
  }
}

/** The first time the server, or the way to it, may have been away for a moment. */
const MOST_TIMEOUTS = 2;

function isTimeout(error: unknown): boolean {
  const lost = isHoldfastError(error, 'ANSWER_LOST') ? error.cause : error;
  return isHoldfastError(lost, 'FLUSH_TIMEOUT');
}
