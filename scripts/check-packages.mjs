// Packs each published package as it would be published, and checks the result: publint and are-the-types-wrong, the
// types of `internal` really inlined (neither tool notices when they are not), and a consumer that imports it.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { readWorkspaces, ROOT } from './workspaces.mjs';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-packages-'));
const problems = [];

function run(command, args, options) {
  try {
    execFileSync(command, args, { stdio: 'pipe', ...options });
    return undefined;
  } catch (error) {
    return `${error.stdout ?? ''}${error.stderr ?? ''}`.trim() || String(error);
  }
}

async function checkPackage({ folder: source, manifest }) {
  const report = (text) => problems.push(`${manifest.name}: ${text}`);
  const packed = run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: source });
  if (packed !== undefined) return report(packed);
  const stem = manifest.name.replace('@', '').replace('/', '-');
  const tarball = join(folder, `${stem}-${manifest.version}.tgz`);

  const { messages } = await publint({ pkgDir: source, strict: true, level: 'warning' });
  for (const message of messages) report(formatMessage(message, manifest) ?? message.code);

  const types = run(
    join(ROOT, 'node_modules/.bin/attw'),
    [tarball, '--profile', 'node16', '--no-emoji', '--format', 'ascii'],
    {},
  );
  if (types !== undefined) report(types);

  const dist = join(source, 'dist');
  for (const file of readdirSync(dist)) {
    const text = readFileSync(join(dist, file), 'utf8');
    for (const name of ['@holdfast/internal', '@holdfast/cli-kit']) {
      if (text.includes(name)) report(`dist/${file} refers to ${name}, which is not published`);
    }
  }
  return install(tarball, manifest, report);
}

/** Unpacks the package where nothing else is and loads each entry as ESM and as CommonJS. */
function install(tarball, manifest, report) {
  const consumer = join(folder, manifest.name.replace('/', '-'));
  const target = join(consumer, 'node_modules', manifest.name);
  mkdirSync(target, { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '--strip-components=1', '-C', target]);
  writeFileSync(join(consumer, 'package.json'), '{}');
  for (const entry of Object.keys(manifest.exports)) {
    if (entry.endsWith('.json')) continue;
    const name = `${manifest.name}${entry.slice(1)}`;
    const esm = run(process.execPath, ['--input-type=module', '-e', `await import('${name}')`], {
      cwd: consumer,
    });
    const cjs = run(process.execPath, ['-e', `require('${name}')`], { cwd: consumer });
    if (esm !== undefined) report(`import of ${name}: ${esm}`);
    if (cjs !== undefined) report(`require of ${name}: ${cjs}`);
  }
}

try {
  for (const workspace of readWorkspaces()) {
    if (workspace.manifest.private !== true) await checkPackage(workspace);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
for (const problem of problems) console.error(problem);
process.exit(problems.length === 0 ? 0 : 1);
