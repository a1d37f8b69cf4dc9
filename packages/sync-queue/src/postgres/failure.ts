import { StoreFailedError } from '../errors.ts';

/**
 * Codes after which nobody knows what became of the statement: the session was ended (57P), the connection failed (08, also
 * told by a pooler), the server broke (58, XX), or it says so itself (40003). PostgreSQL manual, appendix A.
 */
const UNKNOWN = /^(57P|08|58|XX|40003)/;

/** The five characters of the server's verdict; undefined when the error is none of the server's. */
export function sqlstateOf(error: unknown): string | undefined {
  const { code, severity } = (error ?? {}) as {
    readonly code?: unknown;
    readonly severity?: unknown;
  };
  // Node's own codes (EPIPE) can have five characters as well, but no severity.
  return typeof code === 'string' && code.length === 5 && severity !== undefined ? code : undefined;
}

/** The server has said no, and so has undone what the statement did; the session lives on. */
export function isVerdict(error: unknown): boolean {
  const state = sqlstateOf(error);
  return state !== undefined && !UNKNOWN.test(state);
}

/** Another call was in the way: a serialization failure or a deadlock (PostgreSQL manual, 13.5). */
export function isRetryable(error: unknown): boolean {
  const state = sqlstateOf(error);
  return state === '40001' || state === '40P01';
}

/** Each call is one statement and so a transaction of its own. */
export function postgresFailure(error: unknown): StoreFailedError {
  if (error instanceof StoreFailedError) return error;
  return new StoreFailedError(isVerdict(error) ? 'not-applied' : 'unknown', error);
}
