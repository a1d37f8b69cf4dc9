import {
  requireBoolean,
  requireOneOf,
  requireOptions,
  requireText,
  type OptionNames,
} from '@holdfast/internal';
import type { PgPoolLike } from '../ports.ts';
import { requirePool } from '../require-pool.ts';
import type { BatchLoaderOptions } from './batch-loader.ts';
import { requireChannel } from './channel.ts';
import { CACHE_OPTION_NAMES } from './loader-options.ts';
import { ID_KEY_TYPES, type IdKeyType } from './pg-id-key.ts';
import type { PgId } from './pg-id-source.ts';
import { idStatements, type IdStatements } from './pg-id-statements.ts';

/** The options of a loader, without those that the table answers. */
type CacheOptions<K> = Omit<BatchLoaderOptions<K, PgId>, 'load' | 'createMissing' | 'keyOf'>;

export interface PgIdResolverOptions<K extends string | number | bigint> extends CacheOptions<K> {
  readonly pool: PgPoolLike;
  readonly table: string;
  /** Default: the first schema of the connection's search path that has the table. */
  readonly schema?: string | undefined;
  /** A column with a unique index of its own. */
  readonly keyColumn: string;
  /** The column's type; `text` for a varchar, too. Equality is that of the type: no collation that holds different texts equal. */
  readonly keyType: IdKeyType;
  /** An integer column; with `create` one that makes its values itself. */
  readonly idColumn: string;
  /** True: keys that are not there are inserted, with the defaults of the other columns. Default false. */
  readonly create?: boolean | undefined;
  /**
   * A channel on which the database tells keys that have changed, an empty payload for all: see `notifyTriggerStatements`.
   * One connection of the pool is kept for it, from the first `get` on. Default: none.
   */
  readonly listenChannel?: string | undefined;
}

export interface ResolvedPgIdOptions {
  readonly pool: PgPoolLike;
  readonly keyType: IdKeyType;
  readonly statements: IdStatements;
  readonly isCreating: boolean;
  readonly listenChannel: string | undefined;
  readonly cache: CacheOptions<never>;
}

type Names<K extends string | number | bigint> = OptionNames<PgIdResolverOptions<K>>;

const NAMES: Names<string> = {
  pool: true,
  table: true,
  schema: true,
  keyColumn: true,
  keyType: true,
  idColumn: true,
  create: true,
  listenChannel: true,
  ...CACHE_OPTION_NAMES,
};

/** @throws {TypeError | RangeError} when an option is unknown, missing or out of range. */
export function resolvePgIdOptions<K extends string | number | bigint>(
  given: PgIdResolverOptions<K>,
): ResolvedPgIdOptions {
  requireOptions('pgIdResolver', given, NAMES as Names<K>);
  const { pool, table, schema, keyColumn, keyType, idColumn, create, listenChannel, ...cache } =
    given;
  requirePool(pool);
  requireText('table', table);
  if (schema !== undefined) requireText('schema', schema);
  requireText('keyColumn', keyColumn);
  requireText('idColumn', idColumn);
  const type = requireOneOf('keyType', keyType, ID_KEY_TYPES);
  return Object.freeze({
    pool,
    keyType: type,
    statements: idStatements({ table, schema, keyColumn, keyType: type, idColumn }),
    isCreating: requireBoolean('create', create ?? false),
    listenChannel:
      listenChannel === undefined ? undefined : requireChannel('listenChannel', listenChannel),
    cache,
  });
}
