import { readFileSync } from 'node:fs';
import {
  buildProgram,
  createTestDatabase,
  hasPseudoTerminal,
  parsedOutput,
  programRunner,
  type BuiltProgram,
  type RunProgram,
  type TestDatabase,
} from '@holdfast/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fillReadings } from '../duplicates/set-up.ts';

const DEDUPE = ['dedupe', '--table', 'readings', '--key', 'node,ts', '--keep', 'last'];

let database: TestDatabase;
let program: BuiltProgram;
let run: RunProgram;

beforeAll(async () => {
  database = await createTestDatabase();
  program = await buildProgram(new URL('../../', import.meta.url), ['pg']);
  run = programRunner(program.path);
});
afterAll(async () => {
  await program.close();
  await database.close();
});

async function fill(): Promise<Record<string, string>> {
  await database.pool.query('DROP TABLE IF EXISTS readings');
  await fillReadings(database);
  return { DATABASE_URL: database.url };
}

describe('the command as it is published', () => {
  it('brings along all that it needs, with the licences, but the driver', async () => {
    expect((await run(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    const text = readFileSync(program.path, 'utf8');
    for (const name of ['commander', 'cli-progress', 'string-width', 'ansi-regex']) {
      expect(text).toContain(`/*!\n${name}\n`);
    }
  });

  it('cleans up, and draws nothing into a pipe', async () => {
    const env = await fill();

    expect(parsedOutput(await run([...DEDUPE, '--yes', '--json'], env))).toMatchObject({
      report: { deleted: 1800 },
    });
  });

  it('tells what it has done when it cannot go on, with another code than for nothing', async () => {
    const env = await fill();
    await database.pool.query(`
      CREATE TABLE IF NOT EXISTS notes (reading int8);
      ALTER TABLE notes ADD CONSTRAINT of FOREIGN KEY (reading) REFERENCES readings;
      INSERT INTO notes VALUES (1001);`);

    const { code, stderr } = await run([...DEDUPE, '--yes', '--chunk-rows', '10'], env);
    await database.pool.query('DROP TABLE notes');
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(
        /^holdfast-batch-writer: .*foreign key.*; \d+ rows had been deleted before\n$/,
      ) as string,
    });
  });
});

describe.skipIf(!hasPseudoTerminal())('on a terminal', () => {
  it('asks, draws how far it has come, and leaves only the report', async () => {
    const env = await fill();
    const args = [...DEDUPE, '--chunk-rows', '300', '--pause-ms', '120'];
    const terminal = { prompt: 'Go on? [y/N] ', text: 'y\n' };

    const { code, stdout } = await run(args, env, { terminal });

    expect(code).toBe(0);
    expect(stdout).toMatch(/█░+ \d+ %, \d+ of 1800/);
    // The line is cleared, then comes the report.
    expect(stdout.split('\u001b[2K').at(-1)).toMatch(/^\r\nfound +1800 duplicates of 200 keys\r\n/);
  });

  it.each([
    ['n\n', 2],
    ['\n', 2],
    // Ctrl-D, and Ctrl-C.
    ['\u0004', 2],
    ['\u0003', 130],
  ])('does nothing when it is answered %j', async (text, code) => {
    const env = await fill();

    const finished = await run(DEDUPE, env, { terminal: { prompt: 'Go on? [y/N] ', text } });

    expect(finished.code).toBe(code);
    expect((await database.pool.query('SELECT FROM readings')).rowCount).toBe(2000);
  });
});
