import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sqliteStore } from '@holdfast/sync-queue/sqlite';
import { afterAll, expect, test } from 'vitest';
import { SETTINGS } from '../conformance/settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'sync-queue-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function failureOf(path: string, encryptionKey?: string): Promise<unknown> {
  const store = sqliteStore({ path, encryptionKey });
  return store.open().then(
    () => store.close(),
    (error: unknown) => error,
  );
}

test.each(['/proc/q.db', `${folder}/${'n'.repeat(300)}.db`])(
  'says that %s can neither be opened nor made',
  async (path) => {
    expect(await failureOf(path)).toMatchObject({
      code: 'STORE_FAILED',
      outcome: 'not-applied',
      message: `the store failed: the file ${path} can neither be opened nor made`,
    });
  },
);

test('says that a file is no folder', async () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');

  expect(await failureOf(join(file, 'q.db'))).toMatchObject({
    message: `the store failed: ${file} is no folder`,
  });
});

test('reads a file: path as SQLite does', async () => {
  const inner = join(folder, 'ä b');
  mkdirSync(inner);
  const encoded = `file://localhost${folder}/%C3%A4%20b`;
  const plain = sqliteStore({ path: join(inner, 'plain.db') });
  await plain.open();
  await plain.queue('q', SETTINGS).stats();
  await plain.close();

  expect(await failureOf(`${encoded}/plain.db?mode=rw`, 'key')).toMatchObject({
    code: 'STORE_KEY_WRONG',
    message: expect.stringContaining('it is not encrypted, but encryptionKey is set') as string,
  });
  expect(await failureOf(`${encoded}/away/q.db`)).toMatchObject({
    message: `the store failed: the folder ${inner}/away does not exist`,
  });
});

test('takes a drive of Windows for a part of the path', () => {
  expect(() => sqliteStore({ path: 'C://data/q.db' })).not.toThrow();
});
