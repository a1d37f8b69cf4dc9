/** The five characters of the server's verdict; undefined when the error is none of the server's. */
export function sqlstateOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  const { code } = error;
  // Node's own codes (ECONNRESET) are longer.
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/**
 * True when the server has ended the session: it was told to (57P01 to 57P05), the connection failed (class 08), or the
 * transaction was idle or open for too long (25P03, 25P04). PostgreSQL manual, appendix A.
 */
export function endsSession(error: unknown): boolean {
  return /^(57P|08|25P0[34])/.test(sqlstateOf(error) ?? '');
}

/** True when the server has said no to a statement, and the session lives on. */
export function isVerdict(error: unknown): boolean {
  return sqlstateOf(error) !== undefined && !endsSession(error);
}
