// Builds every workspace that has a build script, one after the other: two bundlers at once only share two cores.
import { execFileSync } from 'node:child_process';
import { readWorkspaces } from './workspaces.mjs';

for (const { folder, manifest } of readWorkspaces()) {
  if (manifest.scripts?.build === undefined) continue;
  console.log(`building ${manifest.name}`);
  try {
    execFileSync('npm', ['run', '--silent', 'build', '--', '--silent'], {
      cwd: folder,
      stdio: 'pipe',
    });
  } catch (error) {
    console.error(String(error.stdout ?? ''), String(error.stderr ?? ''));
    process.exit(1);
  }
}
