import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createQueue, type Queue } from '@holdfast/sync-queue';
import {
  sqliteOutboxStore,
  sqliteReceiptStore,
  sqliteStore,
  type SqliteStoreOptions,
} from '@holdfast/sync-queue/sqlite';
import { afterAll, expect, test } from 'vitest';
import { openDatabase } from '../../src/sqlite/database.ts';
import { QUEUE_SCHEMA } from '../../src/sqlite/schema.ts';

const folder = mkdtempSync(join(tmpdir(), 'sync-queue-'));
let files = 0;
const newPath = (): string => join(folder, `${(files += 1)}.db`);

afterAll(() => rmSync(folder, { recursive: true }));

function openQueue(options: SqliteStoreOptions): Queue<string> {
  return createQueue<string>({
    name: 'q',
    store: sqliteStore(options),
    limits: { maxCount: 1000, maxBytes: 1_000_000 },
    overflow: 'reject',
  });
}

function contentOf(path: string): Buffer {
  const names = readdirSync(folder).filter((name) => join(folder, name).startsWith(path));
  return Buffer.concat(names.map((name) => readFileSync(join(folder, name))));
}

test('keeps items over a close and a new start', async () => {
  const path = newPath();
  {
    await using queue = openQueue({ path });
    await queue.add('kept');
  }
  await using queue = openQueue({ path });

  expect(await queue.stats()).toMatchObject({ ready: 1 });
});

test('with a key no part of the file holds the plain text, in the middle of work and after it', async () => {
  const path = newPath();
  const secret = 'the-plain-text-of-a-secret';
  const queue = openQueue({ path, encryptionKey: 'a key' });
  for (let index = 0; index < 50; index++) await queue.add(`${secret} ${index}`);

  const names = readdirSync(folder).filter((name) => join(folder, name).startsWith(path));
  expect(names.some((name) => name.endsWith('-wal'))).toBe(true);
  expect(contentOf(path).includes(secret)).toBe(false);
  await queue.close();
  expect(contentOf(path).includes(secret)).toBe(false);
});

test('negative control: without a key the file holds the plain text', async () => {
  const path = newPath();
  await using queue = openQueue({ path });
  await queue.add('the-plain-text-of-a-secret');

  expect(contentOf(path).includes('the-plain-text-of-a-secret')).toBe(true);
});

test('a wrong key, a missing key and a key too many are told as such, and the right one still fits', async () => {
  const encrypted = newPath();
  const plain = newPath();
  {
    await using first = openQueue({ path: encrypted, encryptionKey: 'right' });
    await first.add('x');
    await using second = openQueue({ path: plain });
    await second.add('x');
  }

  const wrong = 'encryptionKey is wrong, or it is no SQLite file';
  const missing = 'it is encrypted and encryptionKey is not set, or it is no SQLite file';
  const needless = 'it is not encrypted, but encryptionKey is set';
  for (const [options, why] of [
    [{ path: encrypted, encryptionKey: 'wrong' }, wrong],
    [{ path: encrypted }, missing],
    [{ path: plain, encryptionKey: 'right' }, needless],
    [{ path: `file:${plain}?mode=rw`, encryptionKey: 'right' }, needless],
  ] as const) {
    await using queue = openQueue(options);
    await expect(queue.start()).rejects.toMatchObject({
      code: 'STORE_KEY_WRONG',
      path: options.path,
      message: `${options.path} cannot be read: ${why}`,
    });
    await expect(queue.add('y')).rejects.toMatchObject({ code: 'STORE_KEY_WRONG' });
  }
  await using queue = openQueue({ path: encrypted, encryptionKey: 'right' });
  expect(await queue.stats()).toMatchObject({ ready: 1 });
});

test.each([
  ['the queue', (path: string) => openQueue({ path }).start()],
  ['the outbox', (path: string) => sqliteOutboxStore({ path }).open()],
  ['the receiver', (path: string) => sqliteReceiptStore({ path }).pruneOlderThan(1)],
])('%s tells of a folder that is not there, and of a path that is one', async (_of, open) => {
  const away = join(folder, 'away');
  await expect(open(join(away, 'q.db'))).rejects.toMatchObject({
    code: 'STORE_FAILED',
    outcome: 'not-applied',
    message: `the store failed: the folder ${away} does not exist`,
  });
  const taken = newPath();
  mkdirSync(taken);
  mkdirSync(`${taken}-outbox-lock`);
  await expect(open(taken)).rejects.toThrow(`${taken} is a folder`);
});

test.each([sqliteStore, sqliteOutboxStore, sqliteReceiptStore])(
  '%o refuses a URL and a wrong key, and repeats neither',
  (create) => {
    const message = 'path must be that of a file, got a URL';
    const url = 'libsql://user:secret@host/db';
    expect(() => create({ path: url })).toThrow(new TypeError(message));
    const keyed = (encryptionKey: unknown): (() => unknown) => {
      return () => create({ path: 'q.db', encryptionKey: encryptionKey as string });
    };
    const rule = 'encryptionKey must be a non-empty string, got';
    expect(keyed(123456)).toThrow(new TypeError(`${rule} a number`));
  },
);

test('brings a file of version 1 to the present one, with what is in it', async () => {
  const path = newPath();
  const [first = ''] = QUEUE_SCHEMA.steps;
  const options = { encryptionKey: undefined, synchronous: 'FULL' } as const;
  const old = await openDatabase({
    ...{ path, ...options },
    schema: { ...QUEUE_SCHEMA, steps: [`${first}PRAGMA user_version = 1;`] },
  });
  old.exec("INSERT INTO sync_queue (queue, is_paused) VALUES ('q', 1)");
  old.close();

  await using queue = openQueue({ path });
  await queue.start();

  const database = await openDatabase({ path, ...options, schema: QUEUE_SCHEMA });
  expect(database.prepare('SELECT is_paused, settings FROM sync_queue').all([])).toEqual([
    { is_paused: 1, settings: expect.stringContaining('"maxCount"') as string },
  ]);
  database.close();
});

test('refuses a file of a newer version and leaves it alone', async () => {
  const path = newPath();
  const options = { encryptionKey: undefined, synchronous: 'FULL', schema: QUEUE_SCHEMA } as const;
  const database = await openDatabase({ path, ...options });
  database.exec('PRAGMA user_version = 7');
  database.close();

  await using queue = openQueue({ path });
  await expect(queue.start()).rejects.toThrow(`${path} has schema 7, this version knows up to 2`);
  await expect(queue.stats()).rejects.toMatchObject({ code: 'STORE_SCHEMA_NEWER', version: 7 });
});

test('says which package to install when the driver is missing', async () => {
  const load = (): Promise<never> => Promise.reject(new Error("Cannot find package 'libsql'"));

  const options = { encryptionKey: undefined, synchronous: 'FULL', schema: QUEUE_SCHEMA } as const;
  await expect(openDatabase({ path: newPath(), ...options, load })).rejects.toMatchObject({
    code: 'STORE_DRIVER_MISSING',
    message: 'the store needs the package libsql: npm install libsql',
  });
});

test('a folder that does not exist is a failure of the store', async () => {
  await using queue = openQueue({ path: join(folder, 'nowhere', 'x.db') });

  await expect(queue.add('x')).rejects.toMatchObject({
    code: 'STORE_FAILED',
    outcome: 'not-applied',
  });
});

test('two queues on one store share the file, and the last one closes it', async () => {
  const store = sqliteStore({ path: newPath() });
  const options = {
    store,
    limits: { maxCount: 10, maxBytes: 1000 },
    overflow: 'reject' as const,
  };
  const first = createQueue<number>({ ...options, name: 'a' });
  const second = createQueue<number>({ ...options, name: 'b' });
  await Promise.all([first.add(1), second.add(2)]);
  await first.close();
  await second.add(3);
  await second.close();

  const third = createQueue<number>({ ...options, name: 'b' });
  expect(await third.stats()).toMatchObject({ ready: 2 });
  await third.close();
});

test.each([
  [undefined, 'options must be an object, got undefined'],
  [{ path: '' }, 'path must be a non-empty string, got ""'],
  [{ path: 'x', encryptionKey: '' }, 'encryptionKey must be a non-empty string, got ""'],
  [{ path: 'x', synchronous: 'OFF' }, 'synchronous must be one of FULL, NORMAL, got "OFF"'],
])('refuses %o', (options, message) => {
  expect(() => sqliteStore(options as never)).toThrow(message);
});
