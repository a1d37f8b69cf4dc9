/** What is needed of a response, of `fetch`, `undici.request` and others. */
export interface ResponseLike {
  readonly status: number;
  readonly headers: object;
}

/**
 * A response, by `status` or `statusCode` and `headers`: itself, or an error that is one or has one as its `response`.
 * Without headers it may be anything that has a status.
 */
export function responseIn(value: unknown): ResponseLike | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { status, statusCode, headers, response } = value as Readonly<Record<string, unknown>>;
  if (typeof headers === 'object' && headers !== null) {
    const code = typeof status === 'number' ? status : statusCode;
    if (typeof code === 'number' && code >= 100 && code <= 599) return { status: code, headers };
  }
  return value instanceof Error && response !== value ? responseIn(response) : undefined;
}
