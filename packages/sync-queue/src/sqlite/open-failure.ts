import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { StoreFailedError, StoreKeyWrongError } from '../errors.ts';
import { textOf } from '../text-of.ts';
import { codeOf } from './error-code.ts';
import { plainPath } from './file-uri.ts';

/** What each SQLite file begins with that is not encrypted (SQLite, "Database File Format", 1.3.1). */
const MAGIC = 'SQLite format 3\u0000';

/** Says why a file cannot be opened, as far as that can be known. */
export function openFailure(
  error: unknown,
  { path, encryptionKey }: { readonly path: string; readonly encryptionKey: string | undefined },
): unknown {
  switch (codeOf(error)) {
    case 'SQLITE_NOTADB': {
      const key = { name: 'encryptionKey', isSet: encryptionKey !== undefined };
      return new StoreKeyWrongError(path, whyUnreadable(path, key), error);
    }
    case 'STORE_SCHEMA_NEWER':
      return error;
    default:
      return new StoreFailedError('not-applied', whyNotThere(path, error) ?? error);
  }
}

/** Of a file that SQLite takes for none of its own. `name` is what the key is called where it is given. */
export function whyUnreadable(
  path: string,
  { name, isSet }: { readonly name: string; readonly isSet: boolean },
): string {
  if (isPlain(fileOf(path))) {
    return isSet ? `it is not encrypted, but ${name} is set` : 'it is damaged';
  }
  return isSet
    ? `${name} is wrong, or it is no SQLite file`
    : `it is encrypted and ${name} is not set, or it is no SQLite file`;
}

/** The driver tells a number alone. */
function whyNotThere(path: string, cause: unknown): Error | undefined {
  const file = fileOf(path);
  const folder = dirname(file);
  if (!existsSync(folder)) return new Error(`the folder ${folder} does not exist`, { cause });
  if (!isFolder(folder)) return new Error(`${folder} is no folder`, { cause });
  if (isFolder(file)) return new Error(`${file} is a folder`, { cause });
  if (!isUnopened(cause)) return undefined;
  return new Error(`the file ${file} can neither be opened nor made`, { cause });
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    // Perhaps its name is too long: whatever it is, it is not known to be one.
    return false;
  }
}

/** libsql has no code for it where the file itself is the matter. */
function isUnopened(cause: unknown): boolean {
  return codeOf(cause) === 'SQLITE_CANTOPEN' || textOf(cause).startsWith('ConnectionFailed(');
}

function isPlain(file: string): boolean {
  const start = Buffer.alloc(MAGIC.length);
  try {
    const descriptor = openSync(file, 'r');
    try {
      readSync(descriptor, start, 0, start.length, 0);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    // It cannot be read, so nothing is known of it.
    return false;
  }
  return start.toString('latin1') === MAGIC;
}

function fileOf(path: string): string {
  return resolve(plainPath(path));
}
