import { statSync } from 'node:fs';
import type { Database } from './database.ts';

/** The files of a connection, with those that it has attached; one in memory has none. */
export function filesOf(database: Database): string[] {
  const rows = database.prepare('PRAGMA database_list').all([]) as { readonly file: string }[];
  return rows.map(({ file }) => file).filter((file) => file !== '');
}

/** Whether both names are of one file. SQLite has followed links already, but not told names in capitals from others. */
export function isSameFile(one: string, other: string): boolean {
  if (one === other) return true;
  const [ofOne, ofOther] = [one, other].map((file) =>
    statSync(file, { throwIfNoEntry: false, bigint: true }),
  );
  if (ofOne === undefined || ofOther === undefined) return false;
  return ofOne.dev === ofOther.dev && ofOne.ino === ofOther.ino;
}
