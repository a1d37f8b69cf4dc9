import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleOnce, spawnNode } from '@holdfast/testkit';
import { expect, it, onTestFinished, vi } from 'vitest';

const ECHO = new URL('fixtures/echo.ts', import.meta.url);

/** A workspace of its own with a package `seven`. */
async function workspace(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-bundle-once-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const seven = join(folder, 'node_modules/seven');
  await mkdir(seven, { recursive: true });
  await writeFile(join(folder, 'package.json'), '{}');
  await writeFile(join(seven, 'package.json'), '{ "main": "seven.js" }');
  await writeFile(join(seven, 'seven.js'), 'module.exports = 7;');
  return folder;
}

it('gives each asker the same file, which needs nothing of the repository', async () => {
  const [first, second] = await Promise.all([bundleOnce(ECHO), bundleOnce(fileURLToPath(ECHO))]);

  expect(second).toBe(first);
  expect(basename(first)).toMatch(/^echo-[0-9a-f]{16}\.mjs$/);
  expect(readFileSync(first, 'utf8')).not.toMatch(/from '[.@]/);
});

it('finds the packages of the workspace that the program is in', async () => {
  const folder = await workspace();
  const path = join(folder, 'program.ts');
  await writeFile(path, `import seven from 'seven'; console.log(seven as number);`);

  const bundle = await bundleOnce(path);

  expect(dirname(bundle).startsWith(folder)).toBe(true);
  await using child = await spawnNode<number>(bundle);
  expect(await child.next()).toBe(7);
});

it('keeps programs of one base name apart', async () => {
  const folder = await workspace();
  const names = await Promise.all(
    ['a', 'b'].map(async (name) => {
      const path = join(folder, name, 'program.ts');
      await mkdir(dirname(path));
      await writeFile(path, `console.log('${name}' as string);`);
      return basename(await bundleOnce(path));
    }),
  );

  expect(new Set(names).size).toBe(2);
});

it('replaces the file when the program has changed', async () => {
  const folder = await workspace();
  const path = join(folder, 'program.ts');
  const bundleAnew = async (value: string): Promise<string> => {
    await writeFile(path, `console.log('${value}' as string);`);
    // As another process, which has bundled nothing yet.
    vi.resetModules();
    const fresh = await import('../src/bundle-once.ts');
    return fresh.bundleOnce(path);
  };

  const first = await bundleAnew('first');
  const second = await bundleAnew('second');

  expect(second).toBe(first);
  expect(readFileSync(second, 'utf8')).toContain('second');
  expect(readdirSync(dirname(second))).toEqual([basename(second)]);
});
