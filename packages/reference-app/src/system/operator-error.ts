/** Something that the operator has to put right. The message is one sentence for them, without credentials. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError';
}

/** A server of the system did not answer, or did not let us in. */
export function cannotConnect(what: string, url: string, cause: unknown): OperatorError {
  const message = `cannot connect to ${what} at ${withoutCredentials(url)}: ${reasonOf(cause)}`;
  return new OperatorError(message, { cause });
}

/** The first line of what an error says. */
export function reasonOf(cause: unknown): string {
  if (cause instanceof AggregateError) return reasonOf(cause.errors[0]);
  const text = cause instanceof Error ? cause.message : String(cause);
  return text.split('\n', 1)[0] ?? text;
}

function withoutCredentials(url: string): string {
  try {
    const { protocol, host } = new URL(url);
    return `${protocol}//${host}`;
  } catch {
    return 'an address that is not a URL';
  }
}
