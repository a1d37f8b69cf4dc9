export { guardRedis } from './redis/guard-redis.ts';
export type {
  RedisGuard,
  RedisGuardEvents,
  RedisGuardSnapshot,
  RedisGuardState,
  WriteOutcome,
} from './redis/contract.ts';
export { RedisUnavailableError, RedisWriteUnknownError } from './redis/guard-errors.ts';
export type { RedisGuardOptions } from './redis/options.ts';
export type { RedisClient, RedisConnection } from './redis/redis-client.ts';
export { redisErrors } from './redis/redis-errors.ts';
export type {
  SharedCircuitBreaker,
  SharedCircuitBreakerEvents,
  SharedCircuitBreakerSnapshot,
  SharedTransitionReason,
} from './shared/contract.ts';
export {
  memoryBreakerStore,
  type MemoryBreakerStoreOptions,
} from './shared/memory-breaker-store.ts';
export type { SharedCircuitBreakerOptions } from './shared/options.ts';
export {
  redisBreakerStore,
  type BreakerRedisClient,
  type RedisBreakerStoreOptions,
} from './shared/redis-breaker-store.ts';
export { sharedCircuitBreaker } from './shared/shared-circuit-breaker.ts';
export type {
  BreakerStore,
  LeaseRequest,
  MemberReport,
  ProbeResult,
  Quorum,
  SharedView,
  Tally,
} from './shared/store.ts';
