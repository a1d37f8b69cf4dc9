/** How long a server has to take a connection. */
export const CONNECT_TIMEOUT_MS = 5_000;

/** What a database has said, or why it says nothing, in one sentence without credentials; `server` is its subject. */
export function explainToOperator(error: unknown, server = 'PostgreSQL'): string {
  const message = messageOf(error);
  const state = sqlstateOf(error);
  // Class 28, invalid authorization; its messages name the user (PostgreSQL manual, appendix A).
  if (state?.startsWith('28') === true) return `${server} refused the login (${state})`;
  // The driver had no password that it could have sent.
  if (message.startsWith('SASL')) return `${server} refused the login: is there a password?`;
  if (state !== undefined) return `${server} says: ${message} (${state})`;
  // Of `pg`'s connection, and of its pool, which may be first.
  if (/^timeout e|connection timeout$/.test(message)) {
    return `${server} did not answer within ${CONNECT_TIMEOUT_MS / 1_000} s`;
  }
  // All addresses of a host may have failed: such an error has a code and no message.
  return `cannot reach ${server}: ${codeOf(error) ?? message}`;
}

/** In one line. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replaceAll(/\s+/g, ' ');
}

export function codeOf(error: unknown): string | undefined {
  const { code } = error as { readonly code?: unknown };
  return typeof code === 'string' ? code : undefined;
}

/** With a digit in it, as every SQLSTATE has: EPIPE and EPERM are not. */
function sqlstateOf(error: unknown): string | undefined {
  const code = codeOf(error);
  return code !== undefined && /^(?=.*\d)[0-9A-Z]{5}$/.test(code) ? code : undefined;
}
