import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

/** The repository's root folder. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url));

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

/** Every workspace: its folder and its package.json. */
export function readWorkspaces() {
  return readJson(join(ROOT, 'package.json')).workspaces.map((name) => {
    const folder = join(ROOT, name);
    return { folder, manifest: readJson(join(folder, 'package.json')) };
  });
}
