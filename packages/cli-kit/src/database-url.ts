/**
 * Where the database is: what `--url` says, else DATABASE_URL, of which empty is none. Undefined leaves it to the driver.
 *
 * @throws {TypeError} without the URL in its message: it holds the password.
 */
export function databaseUrl(
  flag: string | undefined,
  fromEnvironment: string | undefined,
): string | undefined {
  const url = flag ?? (fromEnvironment === '' ? undefined : fromEnvironment);
  if (url === undefined) return undefined;
  if (URL.canParse(url) && ['postgres:', 'postgresql:'].includes(new URL(url).protocol)) return url;
  const name = flag === undefined ? 'DATABASE_URL' : '--url';
  throw new TypeError(`${name} must be a URL that begins with postgres:// or postgresql://`);
}
