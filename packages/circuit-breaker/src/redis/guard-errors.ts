import { HoldfastError } from '@holdfast/internal';

/** Redis could not be asked, or the write is known not to have been applied; it never will be. */
export class RedisUnavailableError extends HoldfastError {
  override readonly name = 'RedisUnavailableError';
  override readonly code = 'REDIS_UNAVAILABLE';
  /** Name of the guard. */
  readonly guard: string;

  constructor(guard: string, why: string, options?: { readonly cause?: unknown }) {
    super('REDIS_UNAVAILABLE', `redis guard "${guard}": ${why}`, options);
    this.guard = guard;
  }
}

/**
 * A write was sent and no answer came in time: it was applied, or it was not. It cannot be applied any more once the
 * guard is up again.
 */
export class RedisWriteUnknownError extends HoldfastError {
  override readonly name = 'RedisWriteUnknownError';
  override readonly code = 'REDIS_WRITE_UNKNOWN';
  /** Name of the guard. */
  readonly guard: string;

  constructor(guard: string, options?: { readonly cause?: unknown }) {
    super(
      'REDIS_WRITE_UNKNOWN',
      `redis guard "${guard}": the write was sent, but not answered in time`,
      options,
    );
    this.guard = guard;
  }
}
