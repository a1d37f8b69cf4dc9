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
