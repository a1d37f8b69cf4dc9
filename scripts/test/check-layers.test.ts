import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const script = fileURLToPath(new URL('../check-layers.mjs', import.meta.url));

const manifest = (exports: object): string => JSON.stringify({ exports });

const CLEAN: Record<string, string> = {
  'packages/internal/package.json': manifest({ '.': './src/index.ts' }),
  'packages/internal/src/index.ts': "export { systemClock } from './clock.ts';\n",
  'packages/internal/src/clock.ts':
    'export const systemClock = { now: () => performance.now(), later: setTimeout };\n',
  'packages/internal/src/random.ts': 'export const systemRandom = () => Math.random();\n',
  'packages/internal/src/listeners.ts':
    "export const warn = (text: string) => process.emitWarning(text, 'Warning');\n",
  'packages/internal/src/checks.ts': 'export const n = 1;\n'.repeat(130),
  'packages/cli-kit/package.json': manifest({ '.': './src/index.ts' }),
  'packages/cli-kit/src/index.ts': "export { run } from './run-program.ts';\n",
  'packages/cli-kit/src/run-program.ts': 'export const run = () => process.exitCode;\n',
  'packages/testkit/package.json': manifest({ '.': './src/index.ts' }),
  'packages/testkit/src/index.ts':
    "import type { Clock } from '@holdfast/internal';\nexport const started: Clock | number = Date.now() + process.pid;\n",
  'packages/locks/package.json': manifest({ '.': { import: './dist/index.js' } }),
  'packages/locks/src/index.ts': "export { lock } from './lock.ts';\n",
  'packages/locks/src/lock.ts':
    "import { systemClock } from '@holdfast/internal';\nexport const lock = systemClock;\n",
  'packages/locks/src/cli.ts':
    "import { run } from '@holdfast/cli-kit';\nprocess.exitCode = run();\n",
  'packages/locks/src/cli/arguments.ts':
    "import { argv } from 'node:process';\nexport const args = [argv, process.env['X']];\n",
  'packages/locks/src/longest.ts': 'export const n = 1;\n'.repeat(300),
  'packages/locks/test/lock.test.ts':
    "import { lock } from '@holdfast/locks';\nimport { started } from '@holdfast/testkit';\nsetTimeout(() => console.log(lock, started), 5);\n",
  'packages/locks/examples/hold.ts':
    "import { lock } from '@holdfast/locks';\nexport const held = lock;\n",
  'packages/sync-queue/package.json': manifest({
    '.': { import: './dist/index.js' },
    './redis': { import: { types: './dist/redis.d.ts', default: './dist/redis.js' } },
  }),
  'packages/sync-queue/src/index.ts': "export { queue } from './queue.ts';\n",
  'packages/sync-queue/src/queue.ts': 'export const queue = [];\n',
  'packages/sync-queue/src/redis.ts': "export { queue } from './queue.ts';\n",
  'packages/reference-app/package.json': manifest({}),
  'packages/reference-app/src/main.ts':
    "import { run } from '@holdfast/cli-kit';\nprocess.exitCode = run();\n",
  'packages/reference-app/src/cli/serve.ts':
    "import { run } from '@holdfast/cli-kit';\nexport const args = [run, process.argv];\n",
  'packages/reference-app/src/compose.ts':
    "import { lock } from '@holdfast/locks';\nimport { queue } from '@holdfast/sync-queue/redis';\nexport const parts = [lock, queue];\n",
  'bench/package.json': manifest({}),
  'bench/src/run.ts':
    "import { lock } from '@holdfast/locks';\nexport const at = [lock, Date.now()];\n",
};

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'check-layers-'));
  for (const [file, text] of Object.entries(CLEAN)) plant(file, text);
});

afterEach(() => rmSync(root, { recursive: true }));

function plant(file: string, text: string): void {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
}

function check(): { readonly status: number | null; readonly lines: readonly string[] } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, root], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  return { status, lines: stdout.trim().split('\n').slice(0, -1) };
}

it('passes a clean tree', () => {
  expect(check()).toEqual({ status: 0, lines: [] });
});

it('passes this repository', () => {
  const { status, stdout } = spawnSync(process.execPath, [script], { encoding: 'utf8' });

  expect({ status, stdout }).toMatchObject({ status: 0 });
  expect(stdout).toMatch(/check-layers: \d{2,} files, 0 violations/);
});

const lock = 'packages/locks/src/planted.ts';
const inner = 'packages/internal/src/planted.ts';
const app = 'packages/reference-app/src/planted.ts';
const kit = 'packages/cli-kit/src/planted.ts';

describe('reports', () => {
  it.each<[what: string, file: string, text: string, expected: string]>([
    [
      'a library that imports a sibling',
      lock,
      "import { queue } from '@holdfast/sync-queue';\nexport const q = queue;",
      `${lock}:1 package-edge locks/src may not import @holdfast/sync-queue`,
    ],
    [
      'a sibling imported for its types only',
      lock,
      "import type { Q } from '@holdfast/sync-queue';\nexport type R = Q;",
      `${lock}:1 package-edge`,
    ],
    [
      'a sibling imported in a test',
      'packages/locks/test/planted.ts',
      "import '@holdfast/sync-queue';",
      'packages/locks/test/planted.ts:1 package-edge',
    ],
    [
      'a library that imports the application',
      lock,
      "export const a = import('@holdfast/reference-app');",
      `${lock}:1 package-edge`,
    ],
    [
      'a bench that imports the application',
      'bench/src/planted.ts',
      "import '@holdfast/reference-app';",
      'bench/src/planted.ts:1 package-edge',
    ],
    [
      'a library that imports itself by name',
      lock,
      "import '@holdfast/locks';",
      `${lock}:1 package-edge`,
    ],
    [
      'internal that imports a library',
      inner,
      "import '@holdfast/locks';",
      `${inner}:1 package-edge`,
    ],
    [
      'cli-kit outside the program of a library',
      lock,
      "import { run } from '@holdfast/cli-kit';\nexport const r = run;",
      `${lock}:1 package-edge locks/src may not import @holdfast/cli-kit`,
    ],
    [
      'cli-kit in the rest of the application',
      app,
      "import '@holdfast/cli-kit';",
      `${app}:1 package-edge reference-app/src may not import @holdfast/cli-kit`,
    ],
    [
      'cli-kit that imports internal',
      kit,
      "import '@holdfast/internal';",
      `${kit}:1 package-edge cli-kit/src may not import @holdfast/internal`,
    ],
    [
      'cli-kit that imports a library',
      kit,
      "import '@holdfast/locks';",
      `${kit}:1 package-edge cli-kit/src may not import @holdfast/locks`,
    ],
    [
      'testkit in src',
      lock,
      "\nimport { started } from '@holdfast/testkit';\nexport const s = started;",
      `${lock}:2 package-edge locks/src may not import @holdfast/testkit`,
    ],
    [
      'testkit in the src of the application',
      app,
      "import '@holdfast/testkit';",
      `${app}:1 package-edge`,
    ],
    [
      'testkit in an example',
      'packages/locks/examples/planted.ts',
      "import '@holdfast/testkit';",
      'packages/locks/examples/planted.ts:1 package-edge',
    ],
    [
      'an import of a source file of a package',
      app,
      "import '@holdfast/locks/src/lock.ts';",
      `${app}:1 deep-import @holdfast/locks/src/lock.ts is not in the exports of locks`,
    ],
    [
      'an import out of the package',
      lock,
      "import { queue } from '../../sync-queue/src/queue.ts';\nexport const q = queue;",
      `${lock}:1 deep-import ../../sync-queue/src/queue.ts leaves the package`,
    ],
    [
      'a sub-path that is not exported',
      app,
      "import '@holdfast/locks/redis';",
      `${app}:1 sub-path @holdfast/locks/redis is not in the exports of locks`,
    ],
    ['export *', lock, "export const a = 1;\nexport * from './lock.ts';", `${lock}:2 export-star`],
    [
      'a named export *',
      lock,
      "export const a = 1;\nexport * as all from './lock.ts';",
      `${lock}:2 export-star`,
    ],
    [
      'a barrel',
      lock,
      "// all of it\nexport { lock } from './lock.ts';\nexport type { L } from './lock.ts';",
      `${lock}:1 barrel`,
    ],
    [
      'a barrel in two steps',
      lock,
      "import { lock } from './lock.ts';\nexport { lock };",
      `${lock}:1 barrel`,
    ],
    [
      'a file over 300 lines',
      lock,
      'export const n = 1;\n'.repeat(301),
      `${lock}:302 file-length 301 lines, at most 300`,
    ],
    [
      'a file of internal over 100 lines',
      inner,
      'export const n = 1;\n'.repeat(101),
      `${inner}:102 file-length 101 lines, at most 100`,
    ],
    [
      'checks.ts over 130 lines',
      'packages/internal/src/checks.ts',
      'export const n = 1;\n'.repeat(131),
      'packages/internal/src/checks.ts:132 file-length 131 lines, at most 130',
    ],
    [
      'setTimeout',
      lock,
      'export const a = 1;\nsetTimeout(() => a, 5);',
      `${lock}:2 ambient setTimeout`,
    ],
    [
      'setInterval',
      lock,
      'export const t = globalThis.setInterval(() => 1, 5);',
      `${lock}:1 ambient`,
    ],
    [
      'setImmediate',
      app,
      'export const t = setImmediate(() => 1);',
      `${app}:1 ambient setImmediate`,
    ],
    ['Date.now', inner, 'export const t = Date.now();', `${inner}:1 ambient Date.now`],
    [
      'new Date without arguments',
      lock,
      'export const t = new Date();',
      `${lock}:1 ambient new Date()`,
    ],
    [
      'new Date without parentheses',
      lock,
      'export const t = new Date;',
      `${lock}:1 ambient new Date`,
    ],
    [
      'performance.now',
      lock,
      'export const t = performance.now();',
      `${lock}:1 ambient performance.now`,
    ],
    ['Math.random', lock, 'export const r = Math.random();', `${lock}:1 ambient Math.random`],
    [
      'ambient time in a template',
      lock,
      'export const t = `at ${`${Date.now()}`} ms`;',
      `${lock}:1 ambient Date.now`,
    ],
    [
      'AbortSignal.any',
      lock,
      'export const s = AbortSignal.any([]);',
      `${lock}:1 ambient AbortSignal.any`,
    ],
    [
      'AbortSignal.timeout',
      lock,
      'export const s = AbortSignal.timeout(5);',
      `${lock}:1 ambient AbortSignal.timeout`,
    ],
    [
      'node:timers/promises',
      lock,
      "import { setTimeout as wait } from 'node:timers/promises';\nexport const w = wait;",
      `${lock}:1 ambient node:timers/promises`,
    ],
    ['console in a library', lock, 'console.log(1);\nexport {};', `${lock}:1 console`],
    [
      'console in the main file of the application',
      'packages/reference-app/src/main.ts',
      'console.error(1);',
      'packages/reference-app/src/main.ts:1 console',
    ],
    [
      'process in a library',
      lock,
      "export const env = process.env['X'];",
      `${lock}:1 process process.env`,
    ],
    [
      'process imported by a library',
      lock,
      "import { env } from 'node:process';\nexport const e = env;",
      `${lock}:1 process node:process`,
    ],
    [
      'process in a file of a library that only sounds like its program',
      'packages/locks/src/client.ts',
      'export const pid = process.pid;',
      'packages/locks/src/client.ts:1 process process.pid',
    ],
    [
      'process in a program of internal',
      'packages/internal/src/cli.ts',
      'export const pid = process.pid;',
      'packages/internal/src/cli.ts:1 process process.pid',
    ],
    [
      'process in the rest of cli-kit',
      kit,
      'export const pid = process.pid;',
      `${kit}:1 process process.pid`,
    ],
    [
      'process in the rest of the application',
      app,
      'export const pid = process.pid;',
      `${app}:1 process process.pid`,
    ],
    [
      'more of process in listeners.ts',
      'packages/internal/src/listeners.ts',
      'export const pid = process.pid;',
      'packages/internal/src/listeners.ts:1 process process.pid',
    ],
    [
      'a file system import in internal',
      inner,
      "import { readFileSync } from 'node:fs';\nexport const r = readFileSync;",
      `${inner}:1 internal node:fs`,
    ],
    [
      'a network import in internal',
      inner,
      "export const net = await import('net');",
      `${inner}:1 internal net`,
    ],
  ])('%s', (_what, file, text, expected) => {
    plant(file, text);

    const { status, lines } = check();

    expect(status).toBe(1);
    expect(lines.some((line) => line.startsWith(expected))).toBe(true);
    expect(new Set(lines.map((line) => line.split(' ')[0]))).toEqual(
      new Set([expected.split(' ')[0]]),
    );
  });

  it('an import cycle, once', () => {
    plant(
      'packages/locks/src/a.ts',
      "import { b } from './sub/b.ts';\nexport const a = () => b;\n",
    );
    plant(
      'packages/locks/src/sub/b.ts',
      "import { c } from '../c.ts';\nexport const b = () => c;\n",
    );
    plant('packages/locks/src/c.ts', "\nexport { a as d } from './a.ts';\nexport const c = 1;\n");

    const { status, lines } = check();

    expect(status).toBe(1);
    expect(lines).toEqual([
      'packages/locks/src/c.ts:2 cycle packages/locks/src/a.ts -> packages/locks/src/sub/b.ts -> packages/locks/src/c.ts -> packages/locks/src/a.ts',
    ]);
  });

  it('every violation of a tree', () => {
    plant(lock, "import '@holdfast/sync-queue';\nconsole.log(Math.random());\n");

    expect(check().lines).toHaveLength(3);
  });
});

describe('does not report', () => {
  it.each<[what: string, text: string]>([
    [
      'words in line comments',
      '// setTimeout, console.log, process.env\nexport const a = 1; // Date.now()',
    ],
    [
      'words in block comments',
      "/** Like Math.random(), see import('@holdfast/testkit').\n * new Date() */\nexport const a = 1;",
    ],
    [
      'words in strings',
      `export const a = ['it\\'s setTimeout(', "process.env", 'console.log // '];`,
    ],
    [
      'words in templates',
      'export const a = (n: number) => `Date.now() ${n} setTimeout( \\` ${`process.env`}`;',
    ],
    ['words in regular expressions', 'export const a = [/console\\.log[/"\']/, /Date.now()/g];'],
    [
      'code after a regular expression with a quote',
      "export const a = (s: string) => s.replace(/'/g, ''); // Date.now()",
    ],
    ['a division', 'export const a = (n: number) => (n / 2) * 4 / 2;'],
    ['imports in strings', `export const a = "import { x } from '@holdfast/testkit'";`],
    [
      'members with such names',
      'export const a = (c: any) => [c.setTimeout(1), c.process.env, c.console.log];',
    ],
    ['a date of a given time', 'export const a = (ms: number) => new Date(ms);'],
    ['type names', 'export type T = NodeJS.Timeout | Date;'],
    ['what a driver exports', "import type { Pool } from 'pg';\nexport type P = Pool;"],
  ])('%s', (_what, text) => {
    plant(lock, text);

    expect(check()).toEqual({ status: 0, lines: [] });
  });

  it('a cycle of types', () => {
    plant(
      'packages/locks/src/a.ts',
      "import type { B } from './b.ts';\nexport interface A { b: B }\n",
    );
    plant(
      'packages/locks/src/b.ts',
      "import type { A } from './a.ts';\nexport interface B { a: A }\n",
    );

    expect(check()).toEqual({ status: 0, lines: [] });
  });

  it('an entry that the build names', () => {
    plant('packages/locks/tsup.config.ts', "export default ['src/index.ts', 'src/memory.ts'];\n");
    plant('packages/locks/src/memory.ts', "export { lock } from './lock.ts';\n");

    expect(check()).toEqual({ status: 0, lines: [] });
  });
});
