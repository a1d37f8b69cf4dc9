import {
  onAbort,
  quoteIdentifier,
  requireBoolean,
  requireFunction,
  requireInteger,
  requireNumber,
  requireOneOf,
  requireOptionGroup,
  requireOptions,
  requireText,
  systemClock,
  type Clock,
} from '@holdfast/internal';
import type { PgPoolLike } from '../ports.ts';
import { requirePool } from '../require-pool.ts';
import type {
  DuplicatesProgress,
  KeepRule,
  RemoveDuplicatesOptions,
  UniqueIndexOptions,
} from './duplicates.ts';

/** A table as it was named; without a schema it is in that of the table that is cleaned up. */
export interface NamedTable {
  readonly schema: string | undefined;
  readonly table: string;
}

/** Which row stays, as one order: the first row in it. */
export interface KeepOrder {
  /** None: by identity alone. */
  readonly column: string | undefined;
  readonly direction: 'asc' | 'desc';
}

export interface ResolvedDuplicatesOptions {
  readonly pool: PgPoolLike;
  readonly table: string;
  readonly schema: string | undefined;
  readonly key: readonly string[];
  readonly keep: KeepOrder;
  readonly nullsEqual: boolean;
  readonly where: string | undefined;
  readonly chunkRows: number;
  readonly maxTxMs: number;
  readonly pauseMs: number;
  readonly timeoutMs: number;
  readonly dryRun: boolean;
  readonly sample: number;
  readonly archiveTo: NamedTable | undefined;
  readonly workTable: NamedTable | undefined;
  readonly index: Required<UniqueIndexOptions> | undefined;
  readonly onProgress: ((progress: DuplicatesProgress) => void) | undefined;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

const SIX_HOURS_MS = 6 * 3_600_000;

/** @throws {TypeError | RangeError} when an option is unknown, missing or out of range. */
export function resolveDuplicatesOptions(
  given: RemoveDuplicatesOptions,
): ResolvedDuplicatesOptions {
  requireOptions('removeDuplicates', given, {
    ...{ pool: true, table: true, schema: true, key: true, keep: true, nullsEqual: true },
    ...{ where: true, chunkRows: true, maxTxMs: true, pauseMs: true, timeoutMs: true },
    ...{ dryRun: true, sample: true, archiveTo: true, workTable: true, thenUniqueIndex: true },
    ...{ onProgress: true, signal: true, clock: true },
  });
  if (given.schema !== undefined) requireText('schema', given.schema);
  if (given.onProgress !== undefined) requireFunction('onProgress', given.onProgress);
  const where = given.where === undefined ? undefined : requireText('where', given.where);
  const index = resolveIndex(given.thenUniqueIndex);
  if (where !== undefined && index !== undefined) {
    throw new TypeError(
      'thenUniqueIndex cannot stand with where: the index would meet the rows that were left out',
    );
  }
  const signal = given.signal ?? new AbortController().signal;
  // It throws at once for what is no signal.
  onAbort(signal, () => undefined)();
  return Object.freeze({
    pool: requirePool(given.pool),
    table: requireName('table', given.table),
    schema: given.schema,
    key: resolveKey(given.key),
    keep: resolveKeep(given.keep),
    nullsEqual: requireBoolean('nullsEqual', given.nullsEqual ?? false),
    where,
    chunkRows: requireInteger('chunkRows', given.chunkRows ?? 5000, { min: 1, max: 1_000_000 }),
    maxTxMs: requireNumber('maxTxMs', given.maxTxMs ?? 200, { min: 1 }),
    pauseMs: requireNumber('pauseMs', given.pauseMs ?? 0, { min: 0 }),
    timeoutMs: requireNumber('timeoutMs', given.timeoutMs ?? SIX_HOURS_MS, { min: 1 }),
    dryRun: requireBoolean('dryRun', given.dryRun ?? false),
    sample: requireInteger('sample', given.sample ?? 5, { min: 0, max: 1000 }),
    archiveTo: resolveNamedTable('archiveTo', given.archiveTo),
    workTable: resolveNamedTable('workTable', given.workTable),
    index,
    onProgress: given.onProgress,
    signal,
    clock: given.clock ?? systemClock,
  });
}

function resolveKey(given: unknown): readonly string[] {
  if (!Array.isArray(given) || given.length === 0) {
    throw new TypeError('key must be an array of at least one column');
  }
  const names = given.map((name) => requireName('key', name));
  if (new Set(names).size < names.length) throw new TypeError('key must not name a column twice');
  return Object.freeze(names);
}

function resolveKeep(given: KeepRule): KeepOrder {
  if (given === 'first') return { column: undefined, direction: 'asc' };
  if (given === 'last') return { column: undefined, direction: 'desc' };
  if (typeof given !== 'object') {
    throw new TypeError(
      `keep must be "first", "last" or { orderBy, direction }, got ${JSON.stringify(given)}`,
    );
  }
  requireOptionGroup('keep', given, { orderBy: true, direction: true });
  return {
    column: requireName('keep.orderBy', given.orderBy),
    direction: requireOneOf('keep.direction', given.direction ?? 'asc', ['asc', 'desc']),
  };
}

function resolveIndex(
  given: UniqueIndexOptions | undefined,
): Required<UniqueIndexOptions> | undefined {
  if (given === undefined) return undefined;
  requireOptionGroup('thenUniqueIndex', given, { name: true, attempts: true });
  const name = requireName('thenUniqueIndex.name', given.name);
  if (Buffer.byteLength(name) > LONGEST_NAME) {
    throw new RangeError(
      `thenUniqueIndex.name must be of at most ${LONGEST_NAME} bytes, got ${JSON.stringify(name)}`,
    );
  }
  return {
    name,
    attempts: requireInteger('thenUniqueIndex.attempts', given.attempts ?? 3, { min: 1, max: 100 }),
  };
}

/** The server cuts longer ones (PostgreSQL manual 4.1.1), and then finds another. */
const LONGEST_NAME = 63;

/** @throws {TypeError} when it is no name. */
export function resolveNamedTable(option: string, given: unknown): NamedTable | undefined {
  if (given === undefined) return undefined;
  const [, schema, table] = /^(?:([^.]+)\.)?([^.]+)$/.exec(requireName(option, given)) ?? [];
  if (table === undefined) {
    throw new TypeError(`${option} must be table or schema.table, got ${JSON.stringify(given)}`);
  }
  return { schema, table };
}

function requireName(option: string, given: unknown): string {
  quoteIdentifier(requireText(option, given));
  return given as string;
}
