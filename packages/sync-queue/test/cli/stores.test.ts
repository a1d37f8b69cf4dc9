import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postgresStore } from '@holdfast/sync-queue/postgres';
import { redisStore } from '@holdfast/sync-queue/redis';
import { sqliteStore } from '@holdfast/sync-queue/sqlite';
import {
  buildProgram,
  createTestDatabase,
  createTestRedis,
  parsedOutput,
  programRunner,
  startRedisServer,
  type FinishedProgram,
} from '@holdfast/testkit';
import Database from 'libsql';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SETTINGS } from '../conformance/kit.ts';
import { openQueue } from './places.ts';
import { useProgram } from './set-up.ts';

const program = useProgram();
const { run } = program;

const refused = (sentence: string): FinishedProgram => ({
  ...{ code: 2, stdout: '', stderr: `holdfast-sync-queue: ${sentence}\n` },
});

describe('PostgreSQL', () => {
  it('without queues says so, and makes nothing', async () => {
    await using database = await createTestDatabase();

    expect(await run(['pause', 'q', '--url', database.url])).toEqual(
      refused(
        'the database has no queues: there is no schema holdfast_queue, or none of this package (see --schema)',
      ),
    );
    const { rows } = await database.pool.query(
      "SELECT FROM pg_namespace WHERE nspname = 'holdfast_queue'",
    );
    expect(rows).toEqual([]);
  });

  it('with a schema of another version says so, and leaves it alone', async () => {
    await using database = await createTestDatabase();
    await postgresStore({ pool: database.pool }).open();
    const withVersion = async (version: number): Promise<FinishedProgram> => {
      await database.pool.query('UPDATE holdfast_queue.version SET version = $1', [version]);
      return run(['inspect', '--url', database.url]);
    };

    expect((await withVersion(1)).stderr).toMatch(
      /: the schema holdfast_queue has version 1 of 2: start a queue on it .*\n$/,
    );
    expect((await withVersion(3)).stderr).toMatch(
      / has version 3, and this program knows up to 2: use a newer one\n$/,
    );
    const { rows } = await database.pool.query('SELECT version FROM holdfast_queue.version');
    expect(rows).toEqual([{ version: 3 }]);
  });

  it('with a queue that has told no settings shows it in the list, and does nothing to it', async () => {
    await using database = await createTestDatabase();
    const store = postgresStore({ pool: database.pool });
    await store.open();
    await store.queue('silent', SETTINGS).enqueue([]);
    await store.close();

    const env = { HOLDFAST_QUEUE_URL: database.url };
    expect(parsedOutput(await run(['inspect', '--json'], env))).toEqual([
      { queue: 'silent', stats: null },
    ]);
    expect(await run(['redrive', 'silent', '--yes'], env)).toEqual(
      refused(
        'the queue silent has not told its settings: call start() on it once with this version of the package',
      ),
    );
  });

  it('that cannot be reached is told without credentials', async () => {
    expect(await run(['inspect', '--url', 'postgres://u:secret@127.0.0.1:1/db'])).toEqual(
      refused('cannot reach PostgreSQL at 127.0.0.1:1: ECONNREFUSED'),
    );
  });

  it('that may only be read can be inspected, and refuses the rest in one sentence', async () => {
    await using database = await createTestDatabase();
    await using queue = openQueue(postgresStore({ pool: database.pool }), 'q');
    await queue.start();
    const url = `${database.url}?options=${encodeURIComponent('-c default_transaction_read_only=on')}`;

    expect((await run(['inspect', 'q', '--url', url])).code).toBe(0);
    expect((await run(['pause', 'q', '--url', url])).stderr).toMatch(
      /^holdfast-sync-queue: PostgreSQL at \S+ says: cannot execute .* read-only transaction \(25006\)\n$/,
    );
  });
});

describe('Redis', () => {
  it('without queues says so, and writes nothing', async () => {
    await using redis = await createTestRedis();
    const flags = ['--url', redis.url, '--prefix', redis.prefix];

    expect((await run(['inspect', ...flags])).stdout).toBe('(none): there are no queues here\n');
    expect((await run(['pause', 'q', ...flags])).code).toBe(2);
    expect(await redis.createClient().keys(`*${redis.prefix}*`)).toEqual([]);
  });

  it('that refuses the login, or cannot be reached, is told without credentials', async () => {
    await using server = await startRedisServer();
    const { port } = new URL(server.url);
    const client = new Redis(server.url);
    await client.config('SET', 'requirepass', 'right');
    client.disconnect();
    const login = refused(`Redis at 127.0.0.1:${port} refused the login: is the password right?`);

    expect(await run(['inspect', '--url', `redis://:secret@127.0.0.1:${port}`])).toEqual(login);
    expect(await run(['inspect', '--url', `redis://127.0.0.1:${port}`])).toEqual(login);
    expect(await run(['inspect', '--url', 'redis://:secret@127.0.0.1:1'])).toEqual(
      refused('cannot reach Redis at 127.0.0.1:1: ECONNREFUSED'),
    );
    expect(
      await run(['inspect', '--cluster', '--url', `redis://:right@127.0.0.1:${port}`]),
    ).toEqual(refused(`Redis at 127.0.0.1:${port} is no Cluster`));
  });

  it('of a Cluster is asked by --cluster', async () => {
    await using server = await startRedisServer({
      settings: { 'cluster-enabled': 'yes', 'cluster-announce-ip': '127.0.0.1' },
    });
    const client = new Redis(server.url);
    await client.call('CLUSTER', 'ADDSLOTSRANGE', 0, 8000);
    await client.call('CLUSTER', 'ADDSLOTSRANGE', 8001, 16_383);
    while (!String(await client.call('CLUSTER', 'INFO')).includes('cluster_state:ok'));
    const store = redisStore({ client });
    await using queue = openQueue(store, 'q');
    await queue.add('a');
    const { port } = new URL(server.url);
    const flags = ['--url', `redis://127.0.0.1:${port}`, '--json'];

    expect(parsedOutput(await run(['inspect', 'q', '--cluster', ...flags]))).toMatchObject({
      stats: { ready: 1 },
    });
    client.disconnect();
  });
});

describe('an SQLite file', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sync-queue-cli-'));
    path = join(folder, 'q.db');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('that is not there is not made', async () => {
    expect(await run(['pause', 'q', '--url', path])).toEqual(refused(`there is no file ${path}`));
    expect(await run(['pause', 'q', '--url', folder])).toEqual(
      refused(`there is no file ${folder}`),
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  it('of somebody else is left as it is', async () => {
    const database = new Database(path);
    database.exec('CREATE TABLE t (a); PRAGMA user_version = 1');
    database.close();
    writeFileSync(join(folder, 'empty.db'), '');
    const before = readFileSync(path);

    expect(await run(['inspect', '--url', path])).toEqual(refused(`${path} holds no queues`));
    const empty = join(folder, 'empty.db');
    expect(await run(['inspect', '--url', empty])).toEqual(refused(`${empty} holds no queues`));
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(readdirSync(folder).sort()).toEqual(['empty.db', 'q.db']);
  });

  it('that is encrypted takes its key from the environment alone', async () => {
    const queue = openQueue(sqliteStore({ path, encryptionKey: 'right' }), 'q');
    await queue.start();
    await queue.close();
    const inspect = (key: string): Promise<FinishedProgram> =>
      run(['inspect', '--url', path, '--json'], { HOLDFAST_QUEUE_KEY: key });

    expect(parsedOutput(await inspect('right'))).toMatchObject([{ queue: 'q' }]);
    const sentence = (why: string): FinishedProgram =>
      refused(`${path} cannot be read: ${why}, or it is no SQLite file`);
    expect(await inspect('wrong')).toEqual(sentence('HOLDFAST_QUEUE_KEY is wrong'));
    expect(await inspect('')).toEqual(
      sentence('it is encrypted and HOLDFAST_QUEUE_KEY is not set'),
    );
  });
});

it('says which driver is missing, and needs no other', async () => {
  await using bare = await buildProgram(new URL('../../', import.meta.url), []);
  const runBare = programRunner(bare.path);
  const missing = (driver: string): FinishedProgram =>
    refused(`the package ${driver} is not installed: npm install ${driver}`);

  expect((await runBare(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(await runBare(['inspect', '--url', 'postgres://h'])).toEqual(missing('pg'));
  expect(await runBare(['inspect', '--url', 'redis://h'])).toEqual(missing('ioredis'));
  expect(await runBare(['inspect', '--url', bare.path])).toEqual(missing('libsql'));
});

it('carries the licences of what it brings along, and prints help', async () => {
  const text = readFileSync(program.path, 'utf8');
  for (const name of ['commander', 'cli-progress']) expect(text).toContain(`/*!\n${name}\n`);
  expect((await run(['--help'])).stdout).toMatch(/^Usage: holdfast-sync-queue [^]*\bredrive\b/);
});
