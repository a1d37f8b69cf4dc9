import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { repositoryRoot } from './repository-root.ts';

const bundles = new Map<string, Promise<string>>();

/**
 * Puts a TypeScript program and what it uses of this repository into one file, which starts several times faster than the
 * source: once a process, however often it is asked for. The file is named by the program, so that processes share it, and
 * replaced as a whole when the program has changed, so that there are never more of them than programs.
 *
 * @returns the path of that file.
 */
export function bundleOnce(file: URL | string): Promise<string> {
  const path = file instanceof URL ? fileURLToPath(file) : file;
  let bundle = bundles.get(path);
  if (bundle === undefined) bundles.set(path, (bundle = bundleInto(cacheOf(path), path)));
  return bundle;
}

async function bundleInto(folder: string, path: string): Promise<string> {
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    entryPoints: [path],
    write: false,
    ...{ bundle: true, platform: 'node', format: 'esm', target: 'node20', packages: 'external' },
    tsconfig: join(repositoryRoot(), 'tsconfig.json'),
    logLevel: 'error',
  });
  const bytes = outputFiles[0]?.contents ?? new Uint8Array();
  // Several programs of a workspace may have one base name.
  const hash = createHash('sha256').update(relative(folder, path)).digest('hex').slice(0, 16);
  const target = join(folder, `${basename(path, '.ts')}-${hash}.mjs`);
  if (existsSync(target) && (await readFile(target)).equals(bytes)) return target;
  await mkdir(folder, { recursive: true });
  // Whole at once: another process may read it meanwhile.
  const part = `${target}.${randomUUID()}`;
  await writeFile(part, bytes);
  await rename(part, target);
  return target;
}

/** In the workspace of the program, where the packages that it imports are found, in its own versions of them. */
function cacheOf(path: string): string {
  let folder = dirname(path);
  while (!existsSync(join(folder, 'package.json'))) {
    if (folder === dirname(folder)) throw new Error(`${path} is in no workspace`);
    folder = dirname(folder);
  }
  return join(folder, 'node_modules', '.cache', 'holdfast-programs');
}
