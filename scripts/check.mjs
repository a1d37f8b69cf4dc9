// Everything that must hold besides the tests. Goes on after a failure, so that one run shows all of them.
import { spawnSync } from 'node:child_process';
import { ROOT } from './workspaces.mjs';

const STEPS = [
  'check:format',
  'check:lint',
  'check:types',
  'check:layers',
  'build',
  'check:packages',
  'check:unused',
];

const failed = [];
for (const step of STEPS) {
  const startedAt = performance.now();
  const { status } = spawnSync('npm', ['run', '--silent', step], { cwd: ROOT, stdio: 'inherit' });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${step} (${seconds} s)`);
  if (status !== 0) failed.push(step);
}
if (failed.length > 0) {
  console.error(`check failed: ${failed.join(', ')}`);
  process.exit(1);
}
