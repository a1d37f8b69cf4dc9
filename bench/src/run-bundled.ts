import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/**
 * Bundles a program and runs it in a process of its own: what runs the TypeScript of the other claims wraps every
 * function, which would be measured as well.
 */
export async function runBundled(entry: URL, args: readonly string[]): Promise<void> {
  const program = await bundle(entry);
  const child = spawn(process.execPath, [program, ...args], { stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${basename(program)} ended with exit code ${code}`);
}

/** Resolves with the path of the bundle. */
export async function bundle(entry: URL): Promise<string> {
  const name = entry.pathname.split('/').slice(-2).join('-').replace(/ts$/, 'mjs');
  const outfile = fileURLToPath(new URL(`../dist/${name}`, import.meta.url));
  await build({
    entryPoints: [fileURLToPath(entry)],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
  });
  return outfile;
}
