/**
 * Quotes one SQL identifier, so that any name may be used as it is.
 * Source: PostgreSQL manual 4.1.1; an identifier cannot hold a NUL character.
 *
 * @throws {TypeError} when `name` is empty or holds a NUL character.
 */
export function quoteIdentifier(name: string): string {
  if (typeof name !== 'string' || name === '' || name.includes('\u0000')) {
    throw new TypeError(
      `an identifier must be a non-empty string without NUL, got ${JSON.stringify(name)}`,
    );
  }
  return `"${name.replaceAll('"', '""')}"`;
}

/** Quotes a table's name, with its schema where one is given. */
export function quoteTable(table: {
  readonly schema?: string | undefined;
  readonly table: string;
}): string {
  const name = quoteIdentifier(table.table);
  return table.schema === undefined ? name : `${quoteIdentifier(table.schema)}.${name}`;
}
