/**
 * The SQLSTATE of an error, by `code`, where `pg` and `postgres` both have it. No class of PostgreSQL begins with an E,
 * but codes of sockets do: `EPIPE` would fit otherwise.
 */
export function sqlStateOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  const { code } = error;
  return typeof code === 'string' && /^(?!E)[0-9A-Z]{5}$/.test(code) ? code : undefined;
}
