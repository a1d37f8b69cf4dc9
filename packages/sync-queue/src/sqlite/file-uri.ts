/** Of a path that may be given as a `file:` URI. */
export function plainPath(path: string): string {
  return path.startsWith('file:') ? pathInUri(path) : path;
}

/**
 * The path in a `file:` URI as SQLite reads it ("Uniform Resource Identifiers", 3): behind an authority, without parameters,
 * its bytes percent-encoded. It may be relative, which that of a URL cannot be.
 */
export function pathInUri(uri: string): string {
  const encoded = uri.replace(/^file:(\/\/[^/]*)?/i, '').replace(/[?#].*$/, '');
  return encoded.replace(/(?:%[\da-f]{2})+/gi, decoded);
}

/** Of a run of them, since a character may have several bytes. */
function decoded(bytes: string): string {
  return Buffer.from(bytes.replaceAll('%', ''), 'hex').toString();
}
