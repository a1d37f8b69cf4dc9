export {
  FencedError,
  ShardsLostError,
  ShardRequestTimeoutError,
  ShardSchemaError,
  ShardsClosedError,
  ShardTotalError,
} from './errors.ts';
export {
  fencedTx,
  fenceToken,
  fenceWhere,
  type FenceSql,
  type FencedTxOptions,
  type FenceWhereOptions,
} from './postgres/fence.ts';
export { postgresShardsStatements } from './postgres/install.ts';
export type { PgClientLike, QueryResultLike, TransactionLike } from './postgres/ports.ts';
export { postgresShards } from './postgres/postgres-shards.ts';
export type { PostgresShardsOptions, ShardLeaseOptions } from './postgres/shard-options.ts';
export {
  postgresShardRegistry,
  type PostgresShardRegistryOptions,
} from './postgres/shard-registry.ts';
export type { ShardRegistry } from './shard-registry.ts';
export type { Fence, Shards } from './shards.ts';
