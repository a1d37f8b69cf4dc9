import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase, startMosquittoServer, startRedisServer } from '@holdfast/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { runHoldfast, runHoldfastWith } from '../run-holdfast.ts';

let closedPort: number;

beforeAll(async () => {
  // A port that was free a moment ago: nothing listens there.
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closedPort = (server.address() as AddressInfo).port;
  await new Promise((resolve) => server.close(resolve));
});

describe('holdfast demo, given bad input, says one sentence, exits with 2 and leaves nothing running', () => {
  it.each([
    ['an unknown flag', ['--colour'], "unknown option '--colour'"],
    [
      'a missing file',
      ['--replay', 'no-such.ndjson'],
      'cannot replay no-such.ndjson: no such file',
    ],
    ['a flag without its partner', ['--speed', '5'], '--speed needs --replay'],
  ])('%s', async (_what, args, sentence) => {
    const run = await runHoldfast('demo', ...args);

    expect(run).toEqual({
      code: 2,
      stdout: '',
      stderr: `holdfast: ${sentence}\n`,
      leftovers: [],
    });
  });

  it.each([
    ['Postgres', '--postgres', 'postgres://user:secret@127.0.0.1:PORT/db'],
    ['Redis', '--redis', 'redis://:secret@127.0.0.1:PORT'],
    ['the MQTT broker', '--mqtt', 'mqtt://user:secret@127.0.0.1:PORT'],
  ])('%s that does not answer', async (server, flag, url) => {
    const run = await runHoldfast('demo', flag, url.replace('PORT', String(closedPort)));

    expect(run.code).toBe(2);
    expect(run.stdout).toBe('');
    const lines = run.stderr.trim().split('\n');
    expect(lines.at(-1)).toMatch(
      new RegExp(
        `^holdfast: cannot connect to ${server} at \\w+://127.0.0.1:${closedPort}: .*ECONNREFUSED`,
      ),
    );
    expect(run.stderr).not.toContain('secret');
    expect(run.leftovers).toEqual([]);
  });

  it('a level of logging that there is not', async () => {
    const run = await runHoldfastWith({ LOG_LEVEL: 'loud' }, 'demo');

    expect(run).toMatchObject({ code: 2, stdout: '', leftovers: [] });
    expect(run.stderr).toBe(
      'holdfast: LOG_LEVEL must be one of trace, debug, info, warn, error, fatal, silent\n',
    );
  });

  it('a folder for temporary files that there is not', async () => {
    const run = await runHoldfastWith({ TMPDIR: '/no/such/folder' }, 'demo');

    expect(run).toMatchObject({ code: 2, stdout: '' });
    expect(run.stderr).toMatch(
      /\nholdfast: cannot start the embedded PostgreSQL: ENOENT: no such file or directory, mkdir '\/no\/such\/folder\/.*'\n$/,
    );
  });

  it('a Redis that may evict what it holds', async () => {
    await using redis = await startRedisServer({ settings: { 'maxmemory-policy': 'allkeys-lru' } });

    const run = await runHoldfast('demo', '--redis', redis.url);

    expect(run.code).toBe(2);
    expect(run.stderr.trim().split('\n').at(-1)).toMatch(
      /^holdfast: cannot use the ingest queue: .*maxmemory-policy must be noeviction, got allkeys-lru/,
    );
  });

  it('a Redis database that there is not', async () => {
    await using redis = await startRedisServer();

    const run = await runHoldfast('demo', '--redis', `${redis.url}/99`);

    expect(run.code).toBe(2);
    expect(run.stderr.trim().split('\n').at(-1)).toMatch(
      /^holdfast: cannot connect to Redis at .*: ERR DB index is out of range/,
    );
  });

  it('a broker that lets nobody publish', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-acl-'));
    const file = join(folder, 'acl');
    try {
      // Mosquitto may run as another user than we do.
      await chmod(folder, 0o755);
      await writeFile(file, 'topic read #\n', { mode: 0o644 });
      await using broker = await startMosquittoServer({ settings: { acl_file: file } });

      const run = await runHoldfast('demo', '--mqtt', broker.url);

      expect(run.code).toBe(2);
      expect(run.stderr.trim().split('\n').at(-1)).toMatch(
        /^holdfast: the broker refused a message: .*Not authorized/,
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('a PostgreSQL role without rights', async () => {
    await using database = await createTestDatabase();
    await database.pool.query(`
      do $$ begin create role holdfast_weak login password 'weak'; exception when duplicate_object then null; end $$;
      revoke create on schema public from public`);
    const url = new URL(database.url);
    url.username = 'holdfast_weak';
    url.password = 'weak';

    const run = await runHoldfast('demo', '--postgres', url.href);

    expect(run.code).toBe(2);
    expect(run.stderr.trim().split('\n').at(-1)).toMatch(
      /^holdfast: cannot set up the database: permission denied for schema public/,
    );
  });
});
