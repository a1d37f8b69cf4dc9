import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { programRunner } from '@holdfast/testkit';
import { expect, it } from 'vitest';

const GARDEN = new URL('garden.ts', import.meta.url);
const run = programRunner(GARDEN);

const start = (what: string): ChildProcessWithoutNullStreams =>
  spawn(process.execPath, ['--import', 'tsx', fileURLToPath(GARDEN), what]);

async function said(program: ChildProcessWithoutNullStreams, text: string): Promise<void> {
  const [chunk] = (await once(program.stdout, 'data')) as [Buffer];
  expect(chunk.toString()).toBe(text);
}

it('ends with the exit code of main', async () => {
  expect(await run([])).toMatchObject({ code: 3, stdout: '', stderr: '' });
});

it('says what the operator can mend behind its name, and ends with the exit code of that', async () => {
  expect(await run(['half'])).toMatchObject({ code: 1, stdout: '', stderr: 'garden: half done\n' });
});

it('shows a bug as one', async () => {
  const { code, stderr } = await run(['bug']);

  expect(code).toBe(1);
  expect(stderr).toMatch(/RangeError: a bug\n +at /);
});

it('goes on when the reader of its output has seen enough', async () => {
  const program = start('flood');
  let stderr = '';
  program.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  await once(program.stdout, 'readable');
  program.stdout.destroy();

  expect(await once(program, 'close')).toEqual([0, null]);
  expect(stderr).toBe('');
});

it.each(['SIGINT', 'SIGTERM'] as const)(
  'is told by the first %s and ended by the second',
  async (signal) => {
    const program = start('wait');
    await said(program, 'ready\n');
    program.kill(signal);
    await said(program, 'stopping\n');
    program.kill(signal);

    expect(await once(program, 'exit')).toEqual([null, signal]);
  },
);

it('may end by itself behind the first SIGINT', async () => {
  const program = start('wait');
  await said(program, 'ready\n');
  program.kill('SIGINT');
  await said(program, 'stopping\n');
  program.stdin.end();

  expect(await once(program, 'exit')).toEqual([130, null]);
});
