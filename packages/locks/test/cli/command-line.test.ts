import { describe, expect, it } from 'vitest';
import { parseCommandLine, type Invocation } from '../../src/cli/command-line.ts';
import { lockKey } from '../../src/index.ts';

const parse = (args: readonly string[], databaseUrl?: string): Invocation =>
  parseCommandLine(args, { databaseUrl, print: () => undefined });

const URL_GIVEN = 'postgres://u:p@given/db';
const URL_OF_ENVIRONMENT = 'postgresql://u:p@environment/db';

const NOT_A_URL = 'must be a URL that begins with postgres:// or postgresql://';

describe('parseCommandLine', () => {
  it('prefers --url to DATABASE_URL, and leaves the rest to the driver', () => {
    expect(parse(['list', '--url', URL_GIVEN], URL_OF_ENVIRONMENT)).toMatchObject({
      url: URL_GIVEN,
    });
    expect(parse(['list'], URL_OF_ENVIRONMENT)).toMatchObject({ url: URL_OF_ENVIRONMENT });
    expect(parse(['list'], '')).toEqual({ kind: 'list', url: undefined, json: false });
  });

  it('reads a key as lockKey does, and the name of a lease table', () => {
    expect(parse(['inspect', 'g', 'zone', '7', '--json', '--lease-table', 'app.Leases'])).toEqual({
      kind: 'inspect',
      url: undefined,
      json: true,
      request: {
        key: lockKey('g', ['zone', 7]),
        name: 'g/zone/7',
        table: { schema: 'app', table: 'Leases' },
        isTableNamed: true,
      },
    });
    expect(parse(['inspect', 'g', 'a', '--lease-table', 'leases'])).toMatchObject({
      request: { table: { schema: undefined, table: 'leases' } },
    });
    expect(parse(['inspect', 'g', 'a'])).toMatchObject({
      request: { key: lockKey('g', 'a'), table: {}, isTableNamed: false },
    });
  });

  it.each<[args: readonly string[], message: string, databaseUrl?: string]>([
    [[], 'name a command: list or inspect'],
    [['--'], 'name a command: list or inspect'],
    [['postgres://u:secret@h/db'], "unknown command 'postgres://***'"],
    [['list', '--urls=postgres://u:secret@h/db'], "unknown option '--urls=postgres://***'"],
    [['list', 'more'], "too many arguments for 'list'. Expected 0 arguments but got 1."],
    [['list', '--url'], "option '--url <url>' argument missing"],
    [['list', '--url', ''], `--url ${NOT_A_URL}`],
    [['list', '--url', 'host=h password=secret'], `--url ${NOT_A_URL}`],
    [['list', '--url', 'postgres://u:sec#ret@h/db'], `--url ${NOT_A_URL}`],
    [['list'], `DATABASE_URL ${NOT_A_URL}`, 'mysql://u:secret@h/db'],
    [['inspect'], "missing required argument 'namespace'"],
    [['inspect', 'g'], "missing required argument 'part'"],
    [
      ['inspect', 'g', ''],
      'each part of key must be a non-empty, well-formed string, a bigint or a safe integer, got ""',
    ],
    [['inspect', '', 'a'], 'namespace must be a non-empty, well-formed string, got ""'],
    [
      ['inspect', 'g', 'a', '--lease-table', 'a.b.c'],
      '--lease-table must be table or schema.table, got "a.b.c"',
    ],
  ])('answers %j with one sentence', (args, message, databaseUrl) => {
    expect(parse(args, databaseUrl)).toEqual({ kind: 'mistake', message });
  });
});
