import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { BuiltProgram } from './build-program.ts';
import { repositoryRoot } from './repository-root.ts';

/** Puts a TypeScript program and what it uses of this repository into one file, for tests that start it many times. */
export async function bundleProgram(file: URL): Promise<BuiltProgram> {
  // Inside the repository, where the packages that it imports are found.
  const cache = join(repositoryRoot(), 'node_modules', '.cache');
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, 'holdfast-bundle-'));
  const path = join(folder, 'program.mjs');
  await build({
    entryPoints: [fileURLToPath(file)],
    outfile: path,
    ...{ bundle: true, platform: 'node', format: 'esm', target: 'node20', packages: 'external' },
    tsconfig: join(repositoryRoot(), 'tsconfig.json'),
    logLevel: 'error',
  });
  const close = (): Promise<void> => rm(folder, { recursive: true, force: true });
  return { path, close, [Symbol.asyncDispose]: close };
}
