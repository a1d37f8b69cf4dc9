// Everything that must hold besides the tests: two chains of steps at a time, for the machine that counts has two cores.
// Goes on after a failure, so that one run shows all of them. The output of a step comes in one piece, when it has ended.
import { spawn } from 'node:child_process';
import { ROOT } from './workspaces.mjs';

/** Each chain in its order; the longest first, so that the last to end is a short one. */
const CHAINS = [
  ['check:lint'],
  // Looks at what the build has made.
  ['build', 'check:packages'],
  ['check:types'],
  ['check:format'],
  ['check:unused'],
  ['check:layers'],
];
const AT_ONCE = 2;

const failed = [];

/** Resolves when the step has ended and its output is printed. */
function run(step) {
  const startedAt = performance.now();
  const child = spawn('npm', ['run', '--silent', step], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = [];
  child.stdout.on('data', (chunk) => output.push(chunk));
  child.stderr.on('data', (chunk) => output.push(chunk));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => {
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      process.stdout.write(Buffer.concat(output));
      console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${step} (${seconds} s)`);
      if (status !== 0) failed.push(step);
      resolve();
    });
  });
}

const left = CHAINS.values();
async function work() {
  for (const chain of left) for (const step of chain) await run(step);
}

await Promise.all(Array.from({ length: AT_ONCE }, work));
if (failed.length > 0) {
  console.error(`check failed: ${failed.join(', ')}`);
  process.exit(1);
}
