import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export interface BuiltProgram {
  /** The file to run with Node.js. */
  readonly path: string;
  close(): Promise<void>;
  /** The same as `close`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** The second part of `libraryConfig`; the first, the library, takes longer by its types. */
const BUILD = `
  import { build } from 'tsup';
  const [, program] = (await import('./tsup.config.ts')).default;
  await build({ ...program, config: false, silent: true, outDir: process.argv[1] });`;

/**
 * Builds the command of a workspace as it is published, and puts it where there are no packages but the named ones: what it
 * should have brought along is missing then.
 */
export async function buildProgram(
  workspace: URL,
  packages: readonly string[],
): Promise<BuiltProgram> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-program-')));
  const cwd = fileURLToPath(workspace);
  const node = ['--import', 'tsx', '--input-type=module', '--eval', BUILD, folder];
  await promisify(execFile)(process.execPath, node, { cwd });
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  await mkdir(join(folder, 'node_modules'));
  const from = createRequire(join(cwd, 'package.json'));
  for (const name of packages) {
    // By its folder: a package may not give its package.json away.
    const places = from.resolve.paths(name) ?? [];
    const source = places.map((place) => join(place, name)).find((path) => existsSync(path));
    if (source === undefined) throw new Error(`${name} is not installed`);
    await symlink(source, join(folder, 'node_modules', name));
  }
  const close = (): Promise<void> => rm(folder, { recursive: true, force: true });
  return { path: join(folder, 'cli.js'), close, [Symbol.asyncDispose]: close };
}
