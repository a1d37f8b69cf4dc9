import { readFileSync } from 'node:fs';
import { createDeferred } from '@holdfast/internal';
import {
  createTestDatabase,
  parsedOutput,
  programRunner,
  type FinishedProgram,
  type Pool,
  type TestDatabase,
} from '@holdfast/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLocks, lockKey } from '../src/index.ts';
import { leaseSchema } from '../src/leases/lease-schema.ts';
import { createLeases } from '../src/leases/leases.ts';

const run = programRunner(new URL('../src/cli.ts', import.meta.url));
let database: TestDatabase;

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.close());

const nothing = (): Promise<void> => Promise.resolve();
const ofDatabase = (): Record<string, string> => ({ DATABASE_URL: database.url });

/** `api` holds the lock of zone 7; `writer`, then `reader`, who would share it, wait. */
async function withZoneTaken<T>(meanwhile: () => Promise<T>): Promise<T> {
  const poolOf = (name: string): Pool => database.createPool({ application_name: name, max: 1 });
  const locksOf = (name: string) => createLocks({ db: poolOf(name), namespace: 'greenhouse' });
  const holds = createDeferred<void>();
  const done = createDeferred<void>();
  const api = locksOf('api');
  const all: Promise<unknown>[] = [
    api.withAdvisoryLock(['zone', 7], () => {
      holds.resolve();
      return done.promise;
    }),
  ];
  await holds.promise;
  const observer = createLocks({ db: database.pool, namespace: 'greenhouse' });
  for (const [name, shared] of [['writer', false] as const, ['reader', true] as const]) {
    all.push(locksOf(name).withAdvisoryLock(['zone', 7], nothing, { shared }));
    while ((await observer.inspect(['zone', 7])).waiters.length < all.length - 1);
  }
  try {
    return await meanwhile();
  } finally {
    done.resolve();
    await Promise.all(all);
  }
}

const KEY = String(lockKey('greenhouse', ['zone', 7]));
const DURATION = String.raw`\d+(\.\d)? m?s`;

describe('list', () => {
  it('shows holders and waiters as a table, in the order of the queue', async () => {
    const { code, stdout, stderr } = await withZoneTaken(() => run(['list'], ofDatabase()));

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.split('\n');
    const process = (role: string, rest: string): RegExp =>
      new RegExp(`^${KEY} +${role} +\\d+ +${rest} +${DURATION}$`);
    expect(lines[0]).toMatch(/^KEY +ROLE +PID +APPLICATION +MODE +STATE +FOR$/);
    expect(lines[1]).toMatch(process('holder', 'api +exclusive +idle in transaction'));
    expect(lines[2]).toMatch(process('waiter', 'writer +exclusive +waiting'));
    expect(lines[3]).toMatch(process('waiter', 'reader +shared +waiting'));
    expect(lines.slice(4)).toEqual(['']);
    const columns = ['PID', 'APPLICATION', 'MODE', 'STATE', 'FOR'];
    for (const line of lines.slice(1, 4)) {
      // Each cell begins where its heading does.
      for (const column of columns) {
        expect(line.slice(lines[0]!.indexOf(column) - 2)).toMatch(/^ {2}\S/);
      }
    }
  });

  it('prints the same as JSON, with the key as text', async () => {
    const printed = await withZoneTaken(() => run(['list', '--json', '--url', database.url]));

    const pid = expect.any(Number) as number;
    const since = expect.stringMatching(/^\d{4}-.*Z$/) as string;
    const common = { pid, since, sinceMs: expect.any(Number) as number };
    expect(parsedOutput(printed)).toEqual([
      {
        key: KEY,
        holders: [
          { ...common, applicationName: 'api', isShared: false, state: 'idle in transaction' },
        ],
        waiters: [
          { ...common, applicationName: 'writer', isShared: false },
          { ...common, applicationName: 'reader', isShared: true },
        ],
      },
    ]);
  });

  it('says so when there is nothing', async () => {
    expect(await run(['list'], ofDatabase())).toEqual({
      code: 0,
      stdout: '(none): nobody holds an advisory lock of this database or waits for one\n',
      stderr: '',
    });
    expect(parsedOutput(await run(['list', '--json'], ofDatabase()))).toEqual([]);
  });

  it('finds the server by the variables of libpq when nothing else names it', async () => {
    const { hostname, port, username, password, pathname } = new URL(database.url);
    const env = { PGHOST: hostname, PGPORT: port, PGUSER: username, PGDATABASE: pathname.slice(1) };
    const locks = createLocks({ db: database.pool, namespace: 'test' });

    const printed = await locks.withAdvisoryLock('a', () =>
      run(['list', '--json'], { ...env, PGPASSWORD: password, DATABASE_URL: '' }),
    );

    expect(parsedOutput(printed)).toMatchObject([
      { key: String(lockKey('test', 'a')), waiters: [] },
    ]);
  });
});

describe('inspect', () => {
  it('shows one key, whose numbers may be written as text', async () => {
    const args = ['inspect', 'greenhouse', 'zone', '7'];
    const [text, json, other] = await withZoneTaken(async () => [
      await run(args, ofDatabase()),
      await run([...args, '--json'], ofDatabase()),
      await run(['inspect', 'greenhouse', 'zone', '8'], ofDatabase()),
    ]);

    const [head, table] = text.stdout.split('\n\n');
    expect(head).toBe(`key     greenhouse/zone/7\nnumber  ${KEY}`);
    expect(table).toMatch(/^ROLE +PID +APPLICATION.*\nholder .* api .*\nwaiter .* writer .*\n/);
    const inspection = parsedOutput(json);
    expect(inspection).toMatchObject({
      name: 'greenhouse/zone/7',
      key: KEY,
      holders: [{ applicationName: 'api' }],
      waiters: [{ applicationName: 'writer' }, { applicationName: 'reader' }],
    });
    expect(inspection).not.toHaveProperty('lease');
    expect(other.stdout).toMatch(
      /^key .*\nnumber .*\n\n\(none\): nobody holds this advisory lock or waits for it\n$/,
    );
  });

  it('takes parts that begin with a dash behind --', async () => {
    const printed = await run(['inspect', '--json', '--', 'greenhouse', '-5'], ofDatabase());

    expect(parsedOutput(printed)).toMatchObject({ key: String(lockKey('greenhouse', [-5])) });
  });

  it('tells of the lease of the key, while it is held and when it was released', async () => {
    for (const statement of leaseSchema()) await database.pool.query(statement);
    const holder = 'api\n1';
    const leases = createLeases({ pool: database.pool, namespace: 'greenhouse', holder });
    const inspect = (...more: readonly string[]): Promise<FinishedProgram> =>
      run(['inspect', 'greenhouse', 'zone', '7', ...more], ofDatabase());

    const before = [await inspect(), await inspect('--json')];
    const held = await leases.withLease(['zone', 7], async () => [
      await inspect(),
      await inspect('--json'),
    ]);
    const after = [await inspect(), await inspect('--json')];

    expect(before[0]!.stdout).toContain('\nlease   none so far\n');
    expect(parsedOutput(before[1]!)).toMatchObject({ lease: null });
    expect(held[0]!.stdout).toMatch(
      new RegExp(`\nlease   token 1, held by api%0A1, expires in ${DURATION}\n`),
    );
    const ms = expect.any(Number) as number;
    expect(parsedOutput(held[1]!)).toMatchObject({
      lease: { token: '1', holder, isHeld: true, sinceMs: ms, expiresInMs: ms },
    });
    expect(after[0]!.stdout).toContain('\nlease   token 1, free: released by api%0A1\n');
    expect(parsedOutput(after[1]!)).toMatchObject({
      lease: { token: '1', holder, isHeld: false, sinceMs: ms, expiresInMs: null },
    });
  });

  it('finds the lease in a table of another schema, also one that has expired', async () => {
    const table = { schema: 'app', table: 'Leases' };
    for (const statement of leaseSchema(table)) await database.pool.query(statement);
    await database.pool.query(
      `insert into app."Leases" values ('g/a', 9007199254740993, 'api', gen_random_uuid(),
         now() - interval '1 hour', now() - interval '90 s')`,
    );

    const args = ['inspect', 'g', 'a', '--lease-table', 'app.Leases'];
    const { code, stdout } = await run(args, ofDatabase());

    expect(code).toBe(0);
    expect(stdout).toMatch(
      /\nlease {3}token 9007199254740993, free: expired 1 min 3\d s ago, was held by api\n/,
    );
  });

  it('shows the lock, and fails, when a lease table was named that does not exist', async () => {
    const args = ['inspect', 'g', 'a', '--lease-table', 'app.leases'];
    const { code, stdout, stderr } = await run(args, ofDatabase());

    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: 'holdfast-locks: there is no lease table "app"."leases"\n',
    });
    expect(stdout).toMatch(/^key {5}g\/a\nnumber {2}-?\d+\n\n\(none\)/);
  });
});

it('prints help and the version of the package', async () => {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };

  expect(await run(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  const help = await run(['--help']);
  expect(help).toMatchObject({ code: 0, stderr: '' });
  expect(help.stdout).toMatch(/^Usage: holdfast-locks [^]*\blist\b[^]*\binspect\b/);
});

it('answers bad input with one sentence and code 2', async () => {
  expect(await run(['lists'])).toEqual({
    code: 2,
    stdout: '',
    stderr: "holdfast-locks: unknown command 'lists' (Did you mean list?)\n",
  });
});

it('ends quietly when its reader has seen enough', async () => {
  expect(await run(['--help'], {}, { stopReading: true })).toEqual({
    code: 0,
    stdout: '',
    stderr: '',
  });
});
