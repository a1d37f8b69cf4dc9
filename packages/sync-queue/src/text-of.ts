const MAX_LENGTH = 1000;

/** A bounded text of an error or of anything else that was thrown; never throws, and every store keeps it as it is. */
export function textOf(value: unknown): string {
  try {
    const text: unknown = value instanceof Error ? messageOf(value) : value;
    return storable(String(text).slice(0, MAX_LENGTH));
  } catch {
    // An object without a prototype, a getter that throws, a revoked proxy.
    return 'a value without a text';
  }
}

/** Node's own for several addresses of one host has a code alone. */
function messageOf(error: Error): unknown {
  const { message, name, code = name } = error as Error & { readonly code?: unknown };
  return message === '' ? code : message;
}

/** SQLite ends a text at NUL, and half of a surrogate pair has no UTF-8. */
function storable(text: string): string {
  return text.replaceAll('\u0000', '\ufffd').replace(/\p{Surrogate}/gu, '\ufffd');
}
