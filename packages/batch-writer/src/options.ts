import {
  createBackoff,
  requireBoolean,
  requireFunction,
  requireInteger,
  requireNumber,
  requireObject,
  requireOneOf,
  requireOptionGroup,
  requireOptions,
  requireText,
  systemClock,
  type Backoff,
  type Clock,
  type OptionNames,
} from '@holdfast/internal';
import type {
  BatchOptions,
  BatchWriterOptions,
  BufferOptions,
  ExactlyOnce,
  RetryOptions,
  SpoolOptions,
  WritePath,
} from './batch-writer.ts';
import type { RejectedRow } from './row-outcome.ts';
import type { Guard, PgPoolLike } from './ports.ts';
import { requirePool } from './require-pool.ts';
import { resolveTable, type Table } from './resolve-table.ts';
import type { ResolvedSpoolOptions } from './spool/spool.ts';
import type { StandardSchema } from './standard-schema.ts';

export interface ResolvedOptions {
  readonly pool: PgPoolLike;
  readonly table: Table;
  readonly path: WritePath;
  readonly exactlyOnce: ExactlyOnce;
  readonly batch: Required<BatchOptions> & { readonly [K in keyof BatchOptions]-?: number };
  readonly lanes: number;
  readonly spool: ResolvedSpoolOptions | undefined;
  readonly buffer: {
    readonly maxRows: number;
    readonly maxBytes: number;
    readonly maxWaiters: number;
    readonly whenFull: 'wait' | 'reject' | 'drop-oldest' | 'spool';
  };
  readonly backoff: Backoff;
  readonly maxElapsedMs: number;
  readonly flushTimeoutMs: number;
  readonly guard: Guard | undefined;
  readonly validate: StandardSchema<unknown, object> | undefined;
  readonly onRejected: ((rows: RejectedRow<object>[]) => void | Promise<void>) | undefined;
  readonly clock: Clock;
}

const NAMES: OptionNames<BatchWriterOptions<object>> = {
  pool: true,
  table: true,
  schema: true,
  columns: true,
  key: true,
  onConflict: true,
  validate: true,
  path: true,
  exactlyOnce: true,
  batch: true,
  lanes: true,
  buffer: true,
  spool: true,
  retry: true,
  flushTimeoutMs: true,
  guard: true,
  onRejected: true,
  clock: true,
  random: true,
};

/** @throws {TypeError | RangeError} when an option is unknown, missing or out of range: the option, the rule, the value. */
export function resolveBatchWriterOptions<Row extends object>(
  options: BatchWriterOptions<Row>,
): ResolvedOptions {
  requireOptions('createBatchWriter', options, NAMES as OptionNames<BatchWriterOptions<Row>>);
  requirePool(options.pool);
  if (options.guard !== undefined) requireMethod('guard', options.guard, 'execute');
  if (options.onRejected !== undefined) requireFunction('onRejected', options.onRejected);
  if (options.validate !== undefined) requireSchema(options.validate);

  const retry = requireOptionGroup<RetryOptions>('retry', options.retry ?? {}, {
    baseMs: true,
    capMs: true,
    jitter: true,
    maxElapsedMs: true,
  });
  const table = resolveTable(options);
  return Object.freeze({
    pool: options.pool,
    table,
    path: resolvePath(options.path ?? 'auto', table),
    exactlyOnce: resolveExactlyOnce(options.exactlyOnce ?? 'xact-status'),
    batch: resolveBatch(options.batch ?? {}),
    // A lane is a byte where rows are divided among them.
    lanes: requireInteger('lanes', options.lanes ?? 2, { min: 1, max: 64 }),
    buffer: resolveBuffer(options.buffer ?? {}, options.spool !== undefined),
    spool: options.spool === undefined ? undefined : resolveSpool(options.spool),
    backoff: createBackoff({ ...retry, random: options.random }, 'retry.'),
    maxElapsedMs:
      retry.maxElapsedMs === undefined || retry.maxElapsedMs === Infinity
        ? Infinity
        : requireNumber('retry.maxElapsedMs', retry.maxElapsedMs, { min: 0 }),
    flushTimeoutMs: requireNumber('flushTimeoutMs', options.flushTimeoutMs ?? 30_000, { min: 1 }),
    guard: options.guard,
    validate: options.validate,
    onRejected: options.onRejected as ResolvedOptions['onRejected'],
    clock: options.clock ?? systemClock,
  });
}

function resolveBatch(given: BatchOptions): ResolvedOptions['batch'] {
  const names = { maxRows: true, maxBytes: true, lingerMs: true } as const;
  const batch = requireOptionGroup<BatchOptions>('batch', given, names);
  return Object.freeze({
    maxRows: requireInteger('batch.maxRows', batch.maxRows ?? 5000, { min: 1, max: 1_000_000 }),
    maxBytes: requireInteger('batch.maxBytes', batch.maxBytes ?? 4 * 1024 ** 2, {
      min: 1024,
      // PostgreSQL allocates at most 1 GiB for one value, an array of `unnest` among them.
      max: 256 * 1024 ** 2,
    }),
    lingerMs: requireNumber('batch.lingerMs', batch.lingerMs ?? 20, { min: 0 }),
  });
}

function resolveBuffer(given: BufferOptions, hasSpool: boolean): ResolvedOptions['buffer'] {
  const buffer = requireOptionGroup<BufferOptions>('buffer', given, {
    maxRows: true,
    maxBytes: true,
    maxWaiters: true,
    whenFull: true,
  });
  const whenFull = buffer.whenFull ?? (hasSpool ? 'spool' : 'wait');
  if (whenFull === 'spool' && !hasSpool) throw new TypeError('buffer.whenFull "spool" needs spool');
  return Object.freeze({
    maxRows: requireInteger('buffer.maxRows', buffer.maxRows ?? 200_000, { min: 1 }),
    maxBytes: requireInteger('buffer.maxBytes', buffer.maxBytes ?? 64 * 1024 ** 2, { min: 1024 }),
    maxWaiters: requireInteger('buffer.maxWaiters', buffer.maxWaiters ?? 10_000, { min: 0 }),
    whenFull: requireOneOf('buffer.whenFull', whenFull, ['wait', 'reject', 'drop-oldest', 'spool']),
  });
}

function resolveSpool(given: SpoolOptions): ResolvedSpoolOptions {
  const names = { dir: true, maxBytes: true, fsync: true } as const;
  const spool = requireOptionGroup<SpoolOptions>('spool', given, names);
  return Object.freeze({
    dir: requireText('spool.dir', spool.dir),
    maxBytes: requireInteger('spool.maxBytes', spool.maxBytes ?? 1024 ** 3, { min: 1024 }),
    fsync: requireBoolean('spool.fsync', spool.fsync ?? true),
  });
}

function resolvePath(given: WritePath, table: Table): WritePath {
  const path = requireOneOf('path', given, ['auto', 'copy', 'staging', 'unnest']);
  if (path === 'copy' && table.conflict.action !== 'error') {
    throw new TypeError(
      'path "copy" needs onConflict "error": COPY has no ON CONFLICT; "auto" copies what it can',
    );
  }
  if (path === 'unnest' && !bearsUnnest(table)) {
    throw new TypeError(
      'path "unnest" bears neither array columns, which unnest() flattens, nor columns of type "unknown"',
    );
  }
  return path;
}

/** Whether the rows can be given as one array a column. */
export function bearsUnnest({ columns, format }: Table): boolean {
  return format.name === 'binary' && columns.every(({ type }) => !type.endsWith('[]'));
}

function resolveExactlyOnce(given: ExactlyOnce): ExactlyOnce {
  if (typeof given !== 'object') {
    return requireOneOf('exactlyOnce', given, ['xact-status', 'off']);
  }
  const { ledger } = requireOptionGroup('exactlyOnce', given, { ledger: true });
  return Object.freeze({ ledger: requireText('exactlyOnce.ledger', ledger) });
}

function requireSchema(validate: object): void {
  const standard = (
    requireObject('validate', validate) as { '~standard'?: { validate?: unknown } }
  )['~standard'];
  if (typeof standard?.validate !== 'function') {
    throw new TypeError('validate must be a Standard Schema: an object with "~standard".validate');
  }
}

function requireMethod(option: string, value: object, method: string): void {
  const object = requireObject(option, value) as Readonly<Record<string, unknown>>;
  requireFunction(`${option}.${method}`, object[method]);
}
