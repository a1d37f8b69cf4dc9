import { execFileSync } from 'node:child_process';
import * as library from '@holdfast/sync-queue';
import { bundleProgram } from '@holdfast/testkit';
import { expect, test } from 'vitest';

test('classes of errors keep their names in the bundle', async () => {
  await using program = await bundleProgram(new URL('fixtures/error-names.ts', import.meta.url));

  const names = JSON.parse(
    execFileSync(process.execPath, [program.path], { encoding: 'utf8' }),
  ) as readonly string[];

  expect(names.toSorted()).toEqual(
    Object.keys(library)
      .filter((name) => name.endsWith('Error') && !name.startsWith('is'))
      .toSorted(),
  );
});
