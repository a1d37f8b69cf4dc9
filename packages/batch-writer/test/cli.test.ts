import { readFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parsedOutput, programRunner, type FinishedProgram } from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import { column, fillReadings, useDatabase } from './duplicates/set-up.ts';

const CLI = new URL('../src/cli.ts', import.meta.url);
const run = programRunner(CLI);
const database = useDatabase();
const DEDUPE = ['dedupe', '--table', 'readings', '--key', 'node,ts', '--keep', 'last'];

const dedupe = (...more: readonly string[]): Promise<FinishedProgram> =>
  run([...DEDUPE, ...more], { DATABASE_URL: database().url });
const rows = async (): Promise<unknown> =>
  (await column(database(), 'SELECT count(*)::int4 FROM readings'))[0];

describe('dedupe', () => {
  it('shows the plan, counts and changes nothing with --dry-run', async () => {
    await fillReadings(database());

    const { code, stdout, stderr } = await dedupe('--dry-run', '--sample', '1');

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^table +"public"."readings".*\nkey +node, ts; NULLs are never equal\n/);
    expect(stdout).toContain('1800 duplicates of 200 keys');
    expect(stdout).toMatch(/\nnode \d+, ts 2024-01-01 .*: keeps id \d+, deletes id \d+; id \d+/);
    expect(await rows()).toBe(2000);
  });

  it('shows the plan and does nothing when nobody has said --yes and nobody can be asked', async () => {
    await fillReadings(database());

    const { code, stdout, stderr } = await dedupe();

    expect(code).toBe(2);
    expect(stdout).toMatch(/^table +"public"."readings"/);
    expect(stderr).toBe(
      'holdfast-batch-writer: nothing was done: add --yes to act, or --dry-run to count\n',
    );
    expect(await rows()).toBe(2000);
  });

  it('shows the plan and cleans up with --yes', async () => {
    await fillReadings(database());

    const { code, stdout, stderr } = await dedupe('--yes', '--unique-index', 'once');

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^table [^]*\nthen +unique index once\n[^]*\ndeleted +1800\n/);
    expect(stdout).toMatch(/\nindex +created\n$/);
    expect(await rows()).toBe(200);
  });

  it('prints one JSON document with --json', async () => {
    await fillReadings(database());

    const printed = parsedOutput(await dedupe('--yes', '--json', '--archive-to', 'gone'));

    expect(printed).toMatchObject({
      plan: { table: '"public"."readings"', key: ['node', 'ts'], keep: 'last', identity: ['id'] },
      report: { deleted: 1800, archived: 1800, aborted: false },
    });
  });

  it('ends behind the present chunk at SIGINT, tells what it did, and goes on the next time', async () => {
    await fillReadings(database());
    const args = [...DEDUPE, '--yes', '--json', '--chunk-rows', '50', '--pause-ms', '50'];
    const program = spawn(process.execPath, ['--import', 'tsx', fileURLToPath(CLI), ...args], {
      env: { ...process.env, DATABASE_URL: database().url },
    });
    let printed = '';
    program.stdout.on('data', (bytes: Buffer) => (printed += String(bytes)));
    while (Number(await rows()) > 1900);
    program.kill('SIGINT');
    const [code] = (await once(program, 'close')) as [number];

    expect(code).toBe(130);
    const { report } = JSON.parse(printed) as { report: { deleted: number } };
    expect(report).toMatchObject({ aborted: true, deleted: 2000 - Number(await rows()) });
    expect(parsedOutput(await dedupe('--yes', '--json'))).toMatchObject({
      report: { resumed: true, deleted: 1800 - report.deleted },
    });
    expect(await rows()).toBe(200);
  });
});

describe('a mistake is one sentence and code 2', () => {
  const URL_OF = 'postgres://gardener:secret@127.0.0.1:1/db';

  it.each<[args: readonly string[], message: string]>([
    [[], 'name a command: dedupe'],
    [['dedup'], "unknown command 'dedup' (Did you mean dedupe?)"],
    [['dedupe', '--key', 'a', '--keep', 'last'], "required option '--table <name>' not specified"],
    [
      [...DEDUPE, '--keep', 'newest'],
      '--keep must be first, last, column:asc or column:desc, got "newest"',
    ],
    [[...DEDUPE, '--chunk-rows', 'many'], '--chunk-rows must be a whole number, got "many"'],
    [[...DEDUPE, '--sample', '3'], '--sample is for a --dry-run'],
    [[...DEDUPE, '--key', 'a,a', '--url', URL_OF], 'key must not name a column twice'],
    [
      [...DEDUPE, '--url', 'mysql://gardener:secret@h/db'],
      '--url must be a URL that begins with postgres:// or postgresql://',
    ],
    [[...DEDUPE, '--url', URL_OF], 'cannot reach PostgreSQL: ECONNREFUSED'],
  ])('%j', async (args, message) => {
    expect(await run(args)).toEqual({
      code: 2,
      stdout: '',
      stderr: `holdfast-batch-writer: ${message}\n`,
    });
  });

  it('also what the catalogue says', async () => {
    expect(await dedupe('--yes')).toEqual({
      code: 2,
      stdout: '',
      stderr: 'holdfast-batch-writer: table "readings": there is no such table\n',
    });
  });
});

it('prints help and the version of the package', async () => {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };

  expect(await run(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  const help = await run(['dedupe', '--help']);
  expect(help).toMatchObject({ code: 0, stderr: '' });
  expect(help.stdout).toMatch(/^Usage: holdfast-batch-writer dedupe [^]*--dry-run/);
});

it('ends quietly when its reader has seen enough', async () => {
  expect(await run(['--help'], {}, { stopReading: true })).toEqual({
    ...{ code: 0, stdout: '', stderr: '' },
  });
});
