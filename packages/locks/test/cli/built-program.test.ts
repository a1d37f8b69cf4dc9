import { buildProgram, createTestDatabase, parsedOutput, programRunner } from '@holdfast/testkit';
import { expect, it } from 'vitest';

const LOCKS = new URL('../../', import.meta.url);

it('runs as it is published, with the driver beside it', async () => {
  await using program = await buildProgram(LOCKS, ['pg']);
  const database = await createTestDatabase();
  const run = programRunner(program.path);

  expect((await run(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  const listed = await run(['list', '--json'], { DATABASE_URL: database.url });
  expect(parsedOutput(listed)).toEqual([]);
  await database.close();
});

it('says so when there is no driver', async () => {
  await using program = await buildProgram(LOCKS, []);

  expect(await programRunner(program.path)(['list'])).toEqual({
    ...{ code: 2, stdout: '' },
    stderr: 'holdfast-locks: the package pg is not installed: npm install pg\n',
  });
});
