import { expect, it } from 'vitest';
import { parseCommandLine, type Invocation } from '../../src/cli/command-line.ts';

const REDIS = 'redis://u:secret@h/1';

function parse(args: readonly string[], env: Readonly<Record<string, string>> = {}): Invocation {
  return parseCommandLine(args, { environment: (name) => env[name], print: () => undefined });
}

it.each([
  ['postgres://h/db', { kind: 'postgres', url: 'postgres://h/db', schema: 'holdfast_queue' }],
  ['postgresql://h', { kind: 'postgres', url: 'postgresql://h', schema: 'holdfast_queue' }],
  [REDIS, { kind: 'redis', url: REDIS, prefix: 'sync-queue', isCluster: false }],
  ['rediss://h', { kind: 'redis', url: 'rediss://h', prefix: 'sync-queue', isCluster: false }],
  ['file:///var/q%20.db', { kind: 'sqlite', path: '/var/q .db' }],
  ['file:q.db', { kind: 'sqlite', path: 'q.db' }],
  ['file:/var/q%20.db?mode=rw', { kind: 'sqlite', path: '/var/q .db' }],
  ['./q.db', { kind: 'sqlite', path: './q.db' }],
  [String.raw`C:\q.db`, { kind: 'sqlite', path: String.raw`C:\q.db` }],
  ['C:/q.db', { kind: 'sqlite', path: 'C:/q.db' }],
])('finds the store of %s', (url, place) => {
  expect(parse(['inspect', '--url', url])).toEqual({ kind: 'list', place, json: false });
});

it('prefers --url to HOLDFAST_QUEUE_URL, and that to DATABASE_URL', () => {
  const env = { HOLDFAST_QUEUE_URL: 'own.db', DATABASE_URL: 'postgres://h' };

  expect(parse(['inspect', '--url', 'flag.db'], env)).toMatchObject({ place: { path: 'flag.db' } });
  expect(parse(['inspect'], env)).toMatchObject({ place: { path: 'own.db' } });
  expect(parse(['inspect'], { DATABASE_URL: 'postgres://h' })).toMatchObject({
    place: { kind: 'postgres' },
  });
});

it('takes the queue by its place or by --queue, and the options of each store', () => {
  const redis = ['--url', REDIS, '--prefix', 'p', '--cluster'];

  expect(parse(['inspect', 'q', '--json', ...redis])).toMatchObject({
    ...{ kind: 'inspect', queue: 'q', json: true, place: { prefix: 'p', isCluster: true } },
  });
  expect(
    parse(['pause', '--queue=-q', '--key', 'k', '--url', 'postgres://h', '--schema', 's']),
  ).toMatchObject({ queue: '-q', target: { kind: 'key', key: 'k' }, place: { schema: 's' } });
});

it('reads what letters are meant, and how fast', () => {
  const beforeMs = Date.now() - 5_400_000;
  const filter = ['--id', '1', '2', '--key', 'k', '--priority', '3', '--reason', 'r'];
  const found = parse(['redrive', 'q', ...filter, '--rate', '2.5', '--older-than', '1.5h'], {
    HOLDFAST_QUEUE_URL: 'q.db',
  });

  expect(found).toMatchObject({
    kind: 'redrive',
    request: {
      filter: { ids: ['1', '2'], key: 'k', priority: 3, reason: 'r' },
      ...{ perSecond: 2.5, dryRun: false, yes: false },
    },
  });
  const { diedBeforeMs = 0, diedAfterMs } = (found as Found).request.filter;
  expect(diedBeforeMs).toBeGreaterThanOrEqual(beforeMs);
  expect(diedBeforeMs).toBeLessThanOrEqual(Date.now() - 5_400_000);
  expect(diedAfterMs).toBeUndefined();
});

it('reads which letters are to be deleted', () => {
  const args = ['dead', 'q', '--purge', '--key', 'k', '--dry-run', '--url', 'q.db'];

  expect(parse(args)).toMatchObject({
    kind: 'purge',
    request: { filter: { key: 'k' }, dryRun: true, yes: false },
  });
});

it('goes on behind a letter of a shard', () => {
  const after = '1795972657123:3-019ad0c51c63000001a';

  expect(parse(['dead', 'q', '--after', after, '--url', REDIS])).toMatchObject({
    request: { after },
  });
});

type Found = Extract<Invocation, { kind: 'redrive' }>;

it.each([
  [['inspect'], 'say where the queues are: --url, or HOLDFAST_QUEUE_URL, or DATABASE_URL'],
  [['inspect', '--url', ''], '--url is empty'],
  [
    ['inspect', '--url', 'mysql://u:secret@h'],
    '--url must begin with postgres://, redis://, rediss:// or file:, or be the path of an SQLite file',
  ],
  [
    ['inspect', '--url', 'redis://u:sec#ret@h'],
    '--url is not a URL that can be read: are special characters escaped?',
  ],
  [
    ['inspect', '--url', 'redis://u:secret@h/abc'],
    '--url must end with the number of a database, or without a path',
  ],
  [['inspect', '--url', 'file:'], '--url names no file'],
  [['inspect', '--url', 'q.db', '--schema', 's'], '--schema is for postgres://'],
  [['inspect', '--url', 'q.db', '--prefix', 'p'], '--prefix is for redis://'],
  [['inspect', '--url', 'postgres://h', '--cluster'], '--cluster is for redis://'],
  [
    ['inspect', '--url', 'postgres://h', '--schema', 'a"b'],
    'schema must be a plain name, got "a\\"b"',
  ],
  [
    ['inspect', 'q', '--queue', 'q', '--url', 'q.db'],
    'name the queue once: as an argument, or by --queue',
  ],
  [['inspect', '', '--url', 'q.db'], 'the name of the queue is empty'],
  [['dead', '--url', 'q.db'], 'name the queue'],
  [['dead', 'q', '--url', 'q.db', '--yes'], '--dry-run and --yes are for --purge'],
  [
    ['dead', 'q', '--url', 'q.db', '--purge', '--limit', '5'],
    '--purge takes filters, and no --limit, --after or --payload',
  ],
  [['dead', 'q', '--url', 'q.db', '--limit', '0'], '--limit must be from 1 to 1000'],
  [['dead', 'q', '--url', 'q.db', '--limit', 'x'], '--limit must be a whole number, got "x"'],
  [
    ['dead', 'q', '--url', 'q.db', '--after', 'x'],
    '--after must be what the page before has printed',
  ],
  [
    ['dead', 'q', '--url', 'q.db', '--newer-than', '5'],
    '--newer-than must be a time such as 90s, 15m, 6h or 30d',
  ],
  [['dead', 'q', '--url', 'q.db', '--reason', ''], '--reason is empty'],
  [
    ['redrive', 'q', '--url', 'q.db', '--rate', '0'],
    '--rate must be a number of at least 0.001, got "0"',
  ],
  [['pause', 'q', '--url', 'q.db', '--priority', '8'], '--priority must be from 0 to 7, got "8"'],
  [
    ['pause', 'q', '--url', 'q.db', '--priority', '1', '--key', 'k'],
    '--key and --priority exclude each other',
  ],
  [['inspects', '--url', 'q.db'], "unknown command 'inspects' (Did you mean inspect?)"],
])('%j is a mistake', (args, message) => {
  expect(parse(args)).toEqual({ kind: 'mistake', message });
});
