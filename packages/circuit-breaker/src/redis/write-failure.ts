import { isHoldfastError } from '@holdfast/internal';
import { RedisUnavailableError, RedisWriteUnknownError } from './guard-errors.ts';
import { isRefusal, NOT_WRITEABLE } from './redis-client.ts';

/** Codes of errors that say by themselves that nothing was applied, or that it is unknown. */
const PLAIN = new Set([
  'REDIS_UNAVAILABLE',
  'REDIS_WRITE_UNKNOWN',
  'CIRCUIT_OPEN',
  'CIRCUIT_ISOLATED',
]);

/** What a write rejects with, whose call ended with `error` and had been sent or not. */
export function writeFailure(guard: string, error: unknown, isSent: boolean): unknown {
  if (isHoldfastError(error) && PLAIN.has(error.code)) return error;
  if (isRefusal(error) && error instanceof Error) {
    return error.message.startsWith(NOT_WRITEABLE)
      ? new RedisUnavailableError(guard, 'there is no connection', { cause: error })
      : error;
  }
  return isSent
    ? new RedisWriteUnknownError(guard, { cause: error })
    : new RedisUnavailableError(guard, 'the write could not be sent in time', { cause: error });
}
