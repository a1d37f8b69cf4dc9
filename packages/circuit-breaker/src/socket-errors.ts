/** How a connection failed: an error's code, and whether the request may have been done. */
export interface SocketFailure {
  readonly code: string;
  readonly applied: 'no' | 'maybe';
}

/**
 * What an error of a Node.js socket, or of the look-up of a host's name, says. The `AggregateError` of a connection
 * that was tried over several addresses (`net.connect`, `autoSelectFamily`) is as uncertain as the worst of its errors.
 * `undefined`: it is none of them.
 */
export function socketFailureOf(error: unknown): SocketFailure | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, syscall, errors } = error as {
    readonly code?: unknown;
    readonly syscall?: unknown;
    readonly errors?: unknown;
  };
  if (Array.isArray(errors) && errors.length > 0) return worstOf(errors);
  if (typeof code !== 'string') return undefined;
  if (NEVER_CONNECTED.has(code)) return { code, applied: 'no' };
  if (!BROKEN.has(code)) return undefined;
  return { code, applied: syscall === 'connect' ? 'no' : 'maybe' };
}

const NEVER_CONNECTED: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN']);

/** Before or after the connection was made: `syscall` tells. */
const BROKEN: ReadonlySet<string> = new Set([
  'ECONNABORTED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETUNREACH',
  'EPIPE',
  'ETIMEDOUT',
]);

function worstOf(errors: readonly unknown[]): SocketFailure | undefined {
  const failures: SocketFailure[] = [];
  for (const error of errors) {
    const failure = socketFailureOf(error);
    if (failure === undefined) return undefined;
    failures.push(failure);
  }
  return failures.find(({ applied }) => applied === 'maybe') ?? failures[0];
}
