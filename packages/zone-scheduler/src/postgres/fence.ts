import {
  quoteIdentifier,
  requireFunction,
  requireInteger,
  requireOptions,
} from '@holdfast/internal';
import { FencedError } from '../errors.ts';
import type { Fence } from '../shards.ts';
import { requireBegun, requireFence, requireTransaction } from './fence-arguments.ts';
import type { QueryResultLike, TransactionLike } from './ports.ts';
import { requireSchema } from './shard-options.ts';
import { callsIn } from './statements.ts';

export interface FenceWhereOptions {
  /** The number of the parameter that the epoch is passed as: 3 for `$3`. Default 1. */
  readonly parameter?: number | undefined;
  /** Of the row that is written, `bigint NOT NULL DEFAULT 0`. Default `epoch`. */
  readonly column?: string | undefined;
}

export interface FenceSql {
  /** For the SET of an UPDATE: `"epoch" = $3::bigint`. */
  readonly set: string;
  /** For its WHERE: `"epoch" <= $3::bigint`. */
  readonly where: string;
  /** What the parameter is. */
  readonly value: string;
}

/**
 * The token in the row that is written: a write of an older epoch than the row has seen changes no row, and then throw a
 * `FencedError`. It costs nothing and locks nothing. A write of the last owner may still land after a takeover, as long
 * as the new owner has not written the row: see `fencedTx` where not even that may happen.
 *
 * @throws {TypeError | RangeError} when an option is wrong, or `fence` is none: of a zone that is not ours it is undefined.
 */
export function fenceWhere(fence: Fence, options: FenceWhereOptions = {}): FenceSql {
  requireOptions('fenceWhere', options, { parameter: true, column: true });
  const parameter = requireInteger('parameter', options.parameter ?? 1, { min: 1, max: 65_535 });
  const column = quoteIdentifier(options.column ?? 'epoch');
  return {
    set: `${column} = $${parameter}::bigint`,
    where: `${column} <= $${parameter}::bigint`,
    value: String(requireFence(fence).epoch),
  };
}

export interface FencedTxOptions {
  /**
   * After so long without a statement the server ends the session, and the transaction with it, at least 1: a process that
   * stops inside of one would else keep its shard from everybody. Choose it below `lease.ttlMs`. It is set for this
   * transaction alone (`idle_in_transaction_session_timeout`), and a shorter one of the session stays. Default 5 000.
   */
  readonly idleMs?: number | undefined;
  /** That of the shards. Default `holdfast_zones`. */
  readonly schema?: string | undefined;
}

/**
 * Runs `fn` when the shard is still this owner's, and keeps it so until the transaction ends: nobody can take the shard
 * meanwhile. `tx` must be in a transaction, READ COMMITTED, which must be rolled back when this rejects.
 *
 * Rejects with `FENCED`, with the driver's error, with what `fn` rejects with, or with a `TypeError` or `RangeError` when an
 * argument is wrong: a pool, a client or a Kysely outside of a transaction, or a `fence` that is none.
 */
export async function fencedTx<T>(
  tx: TransactionLike,
  fence: Fence,
  fn: () => Promise<T>,
  options: FencedTxOptions = {},
): Promise<T> {
  requireOptions('fencedTx', options, { idleMs: true, schema: true });
  const idleMs = requireInteger('idleMs', options.idleMs ?? 5_000, { min: 1, max: 2 ** 31 - 1 });
  const text = callsIn(requireSchema(options.schema)).fence;
  const { group, shard, owner, epoch } = requireFence(fence);
  requireFunction('fn', fn);
  await requireBegun(requireTransaction(tx));
  const { rows } = await query(tx, text, [group, shard, owner, String(epoch), idleMs]);
  if (rows.length === 0) throw new FencedError(fence);
  return fn();
}

/**
 * The epoch as text of a fixed length: the later one is the greater one, also by comparing texts. For what has no
 * transaction, such as a message of MQTT: the receiver drops what is smaller than the greatest it has seen.
 *
 * @throws {TypeError | RangeError} when `fence` is none: of a zone that is not ours it is undefined.
 */
export function fenceToken(fence: Fence): string {
  // As many digits as the greatest bigint of PostgreSQL has.
  return String(requireFence(fence).epoch).padStart(19, '0');
}

function query(tx: TransactionLike, text: string, values: unknown[]): Promise<QueryResultLike> {
  if (!('withoutPlugins' in tx)) return tx.query(text, values);
  // A compiled query as Kysely's executor takes it. Plugins take no part: the names are as the database knows them.
  const compiled = {
    query: { kind: 'RawNode', sqlFragments: [text], parameters: [] },
    queryId: { queryId: 'holdfast' },
    sql: text,
    parameters: values,
  };
  return tx.withoutPlugins().executeQuery(compiled as never);
}
