import {
  createBackoff,
  quoteIdentifier,
  quoteTable,
  requireFunction,
  requireInteger,
  requireNumber,
  requireObject,
  requireOneOf,
  requireText,
  systemClock,
  type Backoff,
  type Clock,
} from '@holdfast/internal';
import type { BatchWriterOptions, Guard, PgPoolLike, PgType, RejectedRow } from './batch-writer.ts';
import { ORDERED_TYPES, type OrderedType } from './canonical.ts';
import { PG_TYPES } from './encode-value.ts';

export interface Column {
  readonly name: string;
  readonly type: PgType;
  readonly isKey: boolean;
}

/** What is written where. */
export interface Table {
  readonly schema: string | undefined;
  readonly table: string;
  /** For messages: quoted, with the schema. */
  readonly label: string;
  readonly columns: readonly Column[];
  readonly key: readonly string[];
  readonly latestBy: { readonly name: string; readonly type: OrderedType } | undefined;
}

export interface ResolvedOptions<Row extends object> {
  readonly pool: PgPoolLike;
  readonly table: Table;
  readonly maxRows: number;
  readonly lingerMs: number;
  readonly lanes: number;
  readonly buffer: {
    readonly maxRows: number;
    readonly maxBytes: number;
    readonly maxWaiters: number;
    readonly whenFull: 'wait' | 'reject';
  };
  readonly backoff: Backoff;
  readonly maxElapsedMs: number;
  readonly flushTimeoutMs: number;
  readonly guard: Guard | undefined;
  readonly onRejected: ((rows: RejectedRow<Row>[]) => void | Promise<void>) | undefined;
  readonly clock: Clock;
}

/** @throws {TypeError | RangeError} naming the option, the rule and the value. */
export function resolveBatchWriterOptions<Row extends object>(
  options: BatchWriterOptions<Row>,
): ResolvedOptions<Row> {
  requireObject('options', options);
  requireMethod('pool', options.pool, 'connect');
  if (options.guard !== undefined) requireMethod('guard', options.guard, 'execute');
  if (options.onRejected !== undefined) requireFunction('onRejected', options.onRejected);

  const buffer = requireObject('buffer', options.buffer ?? {});
  const retry = requireObject('retry', options.retry ?? {});
  return Object.freeze({
    pool: options.pool,
    table: resolveTable(options),
    // unnest of a batch is one statement in memory, here and in the server.
    maxRows: requireInteger('maxRows', options.maxRows ?? 1000, { min: 1, max: 50_000 }),
    lingerMs: requireNumber('lingerMs', options.lingerMs ?? 20, { min: 0 }),
    lanes: requireInteger('lanes', options.lanes ?? 2, { min: 1, max: 64 }),
    buffer: Object.freeze({
      maxRows: requireInteger('buffer.maxRows', buffer.maxRows ?? 50_000, { min: 1 }),
      maxBytes: requireInteger('buffer.maxBytes', buffer.maxBytes ?? 64 * 1024 ** 2, { min: 1024 }),
      maxWaiters: requireInteger('buffer.maxWaiters', buffer.maxWaiters ?? 10_000, { min: 0 }),
      whenFull: requireOneOf('buffer.whenFull', buffer.whenFull ?? 'wait', ['wait', 'reject']),
    }),
    backoff: createBackoff({ ...retry, random: options.random }, 'retry.'),
    maxElapsedMs:
      retry.maxElapsedMs === undefined || retry.maxElapsedMs === Infinity
        ? Infinity
        : requireNumber('retry.maxElapsedMs', retry.maxElapsedMs, { min: 0 }),
    flushTimeoutMs: requireNumber('flushTimeoutMs', options.flushTimeoutMs ?? 30_000, { min: 1 }),
    guard: options.guard,
    onRejected: options.onRejected,
    clock: options.clock ?? systemClock,
  });
}

function requireMethod(option: string, value: object, method: string): void {
  const object = requireObject(option, value) as Readonly<Record<string, unknown>>;
  requireFunction(`${option}.${method}`, object[method]);
}

function resolveTable<Row extends object>(options: BatchWriterOptions<Row>): Table {
  const name = { schema: options.schema, table: requireText('table', options.table) };
  if (options.schema !== undefined) requireText('schema', options.schema);
  const types = requireObject('columns', options.columns) as Readonly<Record<string, PgType>>;
  const key = resolveKey(options.key, types);
  const columns = Object.entries(types).map(([column, type]) => {
    quoteIdentifier(column);
    return {
      name: column,
      type: requireOneOf(`columns.${column}`, type, PG_TYPES),
      isKey: key.includes(column),
    };
  });
  return Object.freeze({
    ...name,
    label: quoteTable(name),
    columns: Object.freeze(columns),
    key: Object.freeze(key),
    latestBy: resolveLatestBy(options.onConflict ?? 'nothing', types, key),
  });
}

function resolveKey(key: unknown, types: Readonly<Record<string, PgType>>): string[] {
  if (!Array.isArray(key) || key.length === 0) {
    throw new TypeError('key must be an array of at least one column of a unique index');
  }
  const names = key.map((name) => requireColumn('key', name, types));
  if (new Set(names).size < names.length) throw new TypeError('key must not name a column twice');
  return names;
}

function resolveLatestBy(
  onConflict: unknown,
  types: Readonly<Record<string, PgType>>,
  key: readonly string[],
): Table['latestBy'] {
  if (onConflict === 'nothing') return undefined;
  if (typeof onConflict !== 'object' || onConflict === null || !('latestBy' in onConflict)) {
    throw new TypeError('onConflict must be "nothing" or { latestBy: column }');
  }
  const name = requireColumn('onConflict.latestBy', onConflict.latestBy, types);
  if (key.includes(name)) {
    throw new TypeError(`onConflict.latestBy must not be a column of the key, got "${name}"`);
  }
  const type = requireOneOf(`the type of onConflict.latestBy`, types[name], ORDERED_TYPES);
  return Object.freeze({ name, type });
}

function requireColumn(
  option: string,
  name: unknown,
  types: Readonly<Record<string, PgType>>,
): string {
  if (typeof name !== 'string' || !Object.hasOwn(types, name)) {
    throw new TypeError(`${option} must name columns, got ${JSON.stringify(name)}`);
  }
  return name;
}
