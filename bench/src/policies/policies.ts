import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/**
 * Bundles the claims about policies and runs them in a process of their own: what runs the TypeScript of the other
 * claims wraps every function, which costs more than a policy does.
 */
export async function runPolicies({ smoke }: { readonly smoke: boolean }): Promise<void> {
  const outfile = fileURLToPath(new URL('../../dist/policies.mjs', import.meta.url));
  await build({
    entryPoints: [fileURLToPath(new URL('run.ts', import.meta.url))],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
  });
  const child = spawn(process.execPath, [outfile, ...(smoke ? ['--smoke'] : [])], {
    stdio: 'inherit',
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`the claims about policies ended with exit code ${code}`);
}
