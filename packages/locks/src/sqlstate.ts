/** The five characters of the server's verdict; undefined when the error is none of the server's. */
export function sqlstateOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  const { code } = error;
  // Node's own codes (ECONNRESET) are longer.
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** Codes of a session that has ended, or whose connection has failed. */
const ENDINGS = /^(57P|08|25P0[34])/;

/**
 * True when the server has ended the session: it was told to (57P01 to 57P05), the connection failed (class 08), or the
 * transaction was idle or open for too long (25P03, 25P04). PostgreSQL manual, appendix A. What the server reports as a mere
 * ERROR it survives: 08P01 is also the answer to a statement with a value too few.
 */
export function endsSession(error: unknown): boolean {
  if (!ENDINGS.test(sqlstateOf(error) ?? '')) return false;
  return (error as { readonly severity?: unknown }).severity !== 'ERROR';
}

/**
 * True when the server has said no to a statement, and the session lives on. Not 40003: whether the statement was
 * completed is unknown. Nor any 08, of whatever severity: a pooler says so when it has lost the server.
 */
export function isVerdict(error: unknown): boolean {
  const state = sqlstateOf(error);
  return state !== undefined && state !== '40003' && !ENDINGS.test(state);
}

/** Longest chain of causes that is followed. */
const MAX_CAUSES = 16;

/**
 * True when the whole transaction may succeed at another try: a serialization failure (40001) or a deadlock (40P01), also
 * one that others have wrapped. PostgreSQL manual, 13.5.
 */
export function isRetryable(error: unknown): boolean {
  let each: unknown = error;
  for (let depth = 0; depth < MAX_CAUSES && each !== undefined && each !== null; depth += 1) {
    const state = sqlstateOf(each);
    if (state === '40001' || state === '40P01') return true;
    each = typeof each === 'object' && 'cause' in each ? each.cause : undefined;
  }
  return false;
}
