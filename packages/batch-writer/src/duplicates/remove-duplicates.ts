import { randomUUID } from 'node:crypto';
import { createListeners, quoteTable, type Listeners } from '@holdfast/internal';
import { useClient, type ClientUse } from '../sending/client-use.ts';
import { ChunkDeleter } from './delete-chunks.ts';
import { countDuplicates } from './dry-run.ts';
import { readDuplicatedTable, type DuplicatedTable } from './duplicated-table.ts';
import type {
  DuplicatesProgress,
  RemoveDuplicatesOptions,
  RemoveDuplicatesReport,
} from './duplicates.ts';
import { explainFailure } from './duplicates-errors.ts';
import { resolveDuplicatesOptions, type ResolvedDuplicatesOptions } from './duplicates-options.ts';
import { runLongStatement } from './long-statement.ts';
import { duplicateStatements } from './statements.ts';
import { buildIndex, hasIndex, type WantedIndex } from './unique-index.ts';
import {
  cleanUpHash,
  closeWork,
  openWork,
  workLabel,
  type WorkContext,
  type WorkState,
} from './work-table.ts';

/**
 * Deletes all rows but one of each key, in the database. One scan writes the duplicates that it finds into a table beside; then
 * they are deleted in short transactions, each row only if the row that stays is still there with the same key. A run that was
 * stopped, or died, is gone on with by the next call with the same options. Rows that come in behind the scan are left alone; a
 * unique index at the end finds them.
 *
 * @throws {TypeError | RangeError} when an option is unknown, missing or out of range.
 * Rejects with `TABLE_MISMATCH`, `DUPLICATES_REFUSED`, `SERVER_READ_ONLY`, `POOL_CLOSED`, `DUPLICATES_TAKEN_OVER`,
 * `RETRY_EXHAUSTED`, or the error of `pg` when the server cannot be reached.
 */
export function removeDuplicates(
  options: RemoveDuplicatesOptions,
): Promise<RemoveDuplicatesReport> {
  return new CleanUp(resolveDuplicatesOptions(options)).run();
}

/** What `removeDuplicates` would work on, from the catalogue alone; it rejects as that does. */
export async function describeCleanUp(
  options: RemoveDuplicatesOptions,
): Promise<DuplicatedTable & { readonly work: string }> {
  const resolved = resolveDuplicatesOptions(options);
  const table = await new CleanUp(resolved).readTable();
  return { ...table, work: workLabel(table, resolved, cleanUpHash(table, resolved)) };
}

type Counts = { -readonly [K in keyof RemoveDuplicatesReport]: RemoveDuplicatesReport[K] };

/** Catalogue and small statements. */
const SHORT_TIMEOUT_MS = 60_000;

class CleanUp {
  readonly #options: ResolvedDuplicatesOptions;
  readonly #listeners: Listeners<{ progress: DuplicatesProgress }> = createListeners({
    progress: true,
  });
  readonly #run = randomUUID();
  readonly #report: Counts = {
    ...{ groups: 0, duplicates: 0, deleted: 0, skipped: 0, archived: 0, longestTxMs: 0 },
    ...{ resumed: false, aborted: false },
  };
  #attempt = 1;
  /** Nothing is left to do, whatever the signal says. */
  #isDone = false;

  constructor(options: ResolvedDuplicatesOptions) {
    this.#options = options;
    if (options.onProgress !== undefined) this.#listeners.on('progress', options.onProgress);
  }

  async run(): Promise<RemoveDuplicatesReport> {
    const { signal, pool } = this.#options;
    let label = quoteTable(this.#options);
    try {
      if (!signal.aborted) {
        const table = await this.readTable();
        label = table.label;
        if (this.#options.dryRun) await this.#count(table);
        else await this.#clean(table);
      }
    } catch (error) {
      if (!signal.aborted || error !== signal.reason) throw explainFailure(label, pool, error);
    }
    return { ...this.#report, aborted: signal.aborted && !this.#isDone };
  }

  async readTable(): Promise<DuplicatedTable> {
    const label = quoteTable(this.#options);
    try {
      return await useClient(this.#use(label), (client) =>
        readDuplicatedTable(client, this.#options),
      );
    } catch (error) {
      throw explainFailure(label, this.#options.pool, error);
    }
  }

  async #count(table: DuplicatedTable): Promise<void> {
    const statements = duplicateStatements(table, this.#options, '');
    this.#tell({ phase: 'scan', duplicates: 0, done: 0 });
    const use = this.#use(table.label, this.#options.timeoutMs);
    Object.assign(this.#report, await countDuplicates(use, table, statements, this.#options));
    this.#isDone = true;
  }

  async #clean(table: DuplicatedTable): Promise<void> {
    const { index } = this.#options;
    const wanted: WantedIndex | undefined = index && {
      ...{ table, name: index.name },
      ...{ key: this.#options.key, nullsEqual: this.#options.nullsEqual },
    };
    if (wanted !== undefined) {
      if (await hasIndex(this.#longUse(table), wanted)) {
        this.#report.index = 'exists';
        this.#isDone = true;
        return;
      }
    }
    while (await this.#cleanOnce(table)) {
      if (index === undefined || wanted === undefined) {
        this.#isDone = true;
        return;
      }
      if (this.#options.signal.aborted) return;
      this.#tell({ phase: 'index', duplicates: 0, done: 0 });
      const isBuilt = await buildIndex(this.#longUse(table), wanted);
      if (isBuilt || this.#attempt === index.attempts) {
        this.#report.index = isBuilt ? 'created' : 'failed';
        this.#isDone = true;
        return;
      }
      this.#attempt += 1;
    }
  }

  /** One scan and the deletes of what it finds; false when the run was told to stop. */
  async #cleanOnce(table: DuplicatedTable): Promise<boolean> {
    const options = this.#options;
    const report = this.#report;
    const hash = cleanUpHash(table, options);
    const work = workLabel(table, options, hash);
    const statements = duplicateStatements(table, options, work);
    const context: WorkContext = { table, statements, work, hash, run: this.#run };

    this.#tell({ phase: 'scan', duplicates: 0, done: 0 });
    const opened = await runLongStatement(this.#longUse(table), (client) =>
      openWork(client, context),
    );
    report.groups += opened.groups;
    report.duplicates += opened.duplicates;
    report.resumed ||= opened.isResumed;
    const deletedBefore = report.deleted;
    const startMs = options.clock.now();
    const onChunk = (state: WorkState): void => {
      report.deleted = deletedBefore + state.deleted - opened.deleted;
      this.#tellChunk(opened, state, options.clock.now() - startMs);
    };
    onChunk(opened);
    const { state, longestTxMs, isAborted } = await new ChunkDeleter(options, context, opened).run(
      onChunk,
    );
    const deleted = state.deleted - opened.deleted;
    report.deleted = deletedBefore + deleted;
    report.skipped += state.position - opened.position - deleted;
    report.longestTxMs = Math.max(report.longestTxMs, longestTxMs);
    if (options.archiveTo !== undefined) report.archived = report.deleted;
    if (isAborted) return false;
    await useClient(this.#use(table.label), (client) => closeWork(client, context));
    return true;
  }

  #tellChunk(opened: WorkState, { position, duplicates }: WorkState, tookMs: number): void {
    const done = position - opened.position;
    const left = duplicates - position;
    this.#tell({
      ...{ phase: 'delete', duplicates, done: position },
      ...(done === 0 ? {} : { etaMs: Math.round((tookMs / done) * left) }),
    });
  }

  #tell(progress: Omit<DuplicatesProgress, 'attempt' | 'deleted'>): void {
    const { deleted } = this.#report;
    this.#listeners.emit('progress', { ...progress, attempt: this.#attempt, deleted });
  }

  #use(label: string, timeoutMs = SHORT_TIMEOUT_MS): ClientUse {
    const { pool, clock, signal } = this.#options;
    return { pool, clock, signal, label, timeoutMs };
  }

  #longUse({ label }: DuplicatedTable): ClientUse {
    return this.#use(label, this.#options.timeoutMs);
  }
}
