export { redisStore, type RedisStoreOptions } from './redis/redis-store.ts';
export type { RedisLike } from './redis/run-script.ts';
export { StoreEvictsError, StoreFailedError } from './errors.ts';
export type { QueueStore } from './store.ts';
