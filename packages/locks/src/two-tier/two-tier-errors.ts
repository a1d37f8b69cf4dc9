import { HoldfastError } from '@holdfast/internal';

/** Redis did not answer in time, or with an error, and `redisDown` is `fail`. Nothing was done. */
export class RedisUnavailableError extends HoldfastError {
  override readonly name = 'RedisUnavailableError';
  declare readonly code: 'REDIS_UNAVAILABLE';
  readonly key: string;

  constructor(key: string, cause: unknown) {
    super('REDIS_UNAVAILABLE', `Redis could not be asked for lock ${key}`, { cause });
    this.key = key;
  }
}

/** Redis did not answer in time. Whether it has done what it was asked for is unknown. */
export class RedisTimeoutError extends HoldfastError {
  override readonly name = 'RedisTimeoutError';
  declare readonly code: 'REDIS_TIMEOUT';
  readonly timeoutMs: number;

  constructor(timeoutMs: number) {
    super('REDIS_TIMEOUT', `Redis did not answer within ${timeoutMs} ms`);
    this.timeoutMs = timeoutMs;
  }
}
