import { requireOneOf, requireText } from '@holdfast/internal';
import { kindOf } from '../kind-of.ts';

/** What every store in an SQLite file is told about the file. */
export interface FileOptions {
  readonly path: string;
  readonly encryptionKey?: string | undefined;
  readonly synchronous?: 'FULL' | 'NORMAL' | undefined;
}

export interface ResolvedFileOptions {
  readonly path: string;
  readonly encryptionKey: string | undefined;
  readonly synchronous: 'FULL' | 'NORMAL';
}

/** @throws {TypeError} naming the option and the rule; of a key and of a URL it does not tell what they hold. */
export function resolveFileOptions(options: FileOptions): ResolvedFileOptions {
  const { encryptionKey, synchronous = 'FULL' } = options;
  return {
    path: requirePath(options.path),
    encryptionKey: encryptionKey === undefined ? undefined : requireKey(encryptionKey),
    synchronous: requireOneOf('synchronous', synchronous, ['FULL', 'NORMAL']),
  };
}

/** libsql would go to a server for some URLs, and make a file with the name of the others. One letter is a drive of Windows. */
function requirePath(path: unknown): string {
  const text = requireText('path', path);
  if (/^(?!file:)[a-z][a-z\d+.-]+:\/\//i.test(text)) {
    throw new TypeError('path must be that of a file, got a URL');
  }
  return text;
}

function requireKey(key: unknown): string {
  if (typeof key === 'string' && key !== '') return key;
  const got = key === '' ? '""' : kindOf(key);
  throw new TypeError(`encryptionKey must be a non-empty string, got ${got}`);
}
