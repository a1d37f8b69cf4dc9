import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { programRunner } from '@holdfast/testkit';
import { afterAll, describe, expect, it } from 'vitest';

const run = programRunner(new URL('../src/cli.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'holdfast-scenarios-'));
afterAll(() => rmSync(folder, { recursive: true }));

const STEADY = fileURLToPath(new URL('../scenarios/steady.json', import.meta.url));

function fileOf(content: unknown): string {
  const file = join(folder, 'scenario.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

const SCENARIO = {
  ...{ name: 'small', about: 'Few zones.', zones: 40, cycles: 2 },
  service: { distribution: 'constant', medianMs: 100 },
  downstream: { model: 'servers', servers: 8 },
  expect: [{ stat: 'limit.mean', each: [1, 2] }],
};

describe('simulate', () => {
  it('prints a line for each cycle and what came of each expectation', async () => {
    const args = ['simulate', fileOf(SCENARIO), '--controller', 'fixed:2', '--seeds', '2'];

    const { code, stdout, stderr } = await run(args);

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n')).toEqual([
      'small, fixed:2: Few zones.',
      '',
      expect.stringMatching(/^cycle +limit +p50 ms +ok +failed +deferred +missed +alerts$/),
      expect.stringMatching(/^1 +2\.0 +100 +40 +0 +0 +0$/),
      expect.stringMatching(/^2 +2\.0 +100 +40 +0 +0 +0$/),
      '',
      expect.stringMatching(/^ +statistic +cycles +mean +least +greatest +expected$/),
      expect.stringMatching(/^ok +limit\.mean +1-2 +2\.000 +2\.000 +2\.000 +each 1 to 2$/),
      '',
    ]);
  });

  it('reads a file that begins with a byte order mark', async () => {
    const file = fileOf(`\uFEFF${JSON.stringify(SCENARIO)}`);

    const { code, stderr } = await run(['simulate', file, '--controller', 'fixed:2']);

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('ends with 1 when an expectation is missed', async () => {
    const { code, stdout } = await run([
      ...['simulate', fileOf(SCENARIO), '--controller', 'fixed:3'],
    ]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/\nMISSED +limit\.mean/);
  });

  it('prints JSON, and draws', async () => {
    const svg = join(folder, 'run.svg');
    const { stdout } = await run(['simulate', fileOf(SCENARIO), '--json', '--svg', svg]);
    expect(JSON.parse(stdout)).toMatchObject({
      controller: 'adaptive',
      judgements: [{ stat: 'limit.mean' }],
      runs: [{ seed: 1, rows: [{ cycle: 1 }, { cycle: 2 }] }],
    });
    expect(readFileSync(svg, 'utf8')).toMatch(/^<svg [\s\S]*small, adaptive, seed 1/);
  });

  it.each([
    [['simulate', 'absent.json'], 'cannot read absent.json: no such file or folder'],
    [['simulate', folder], `cannot read ${folder}: it is a folder`],
    [['simulate', fileOf('{')], /scenario\.json: .*JSON/],
    [
      ['simulate', STEADY, '--svg', join(folder, 'absent', 'run.svg')],
      `cannot write ${join(folder, 'absent', 'run.svg')}: no such file or folder`,
    ],
    [
      ['simulate', STEADY, '--svg', join(STEADY, 'run.svg')],
      `cannot write ${join(STEADY, 'run.svg')}: a part of the path is no folder`,
    ],
    [['simulate', STEADY, '--svg', folder], `cannot write ${folder}: it is a folder`],
    [[], 'name a command: simulate'],
    [['simulate', 'x', '--seeds', '0'], '--seeds must be at least 1, got 0'],
    [['simulate', 'x', '--seed', 'one'], '--seed must be a whole number, got "one"'],
    [['simulate', 'x', '--controller', 'fixed:0'], '--controller must be one of adaptive, '],
    [['simulate', 'x', '--controller', 'toString'], '--controller must be one of adaptive, '],
  ])('ends with 2 and one sentence for %j', async (args, message) => {
    if (args[1]?.startsWith(folder) === true) fileOf('{');
    const { code, stdout, stderr } = await run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^holdfast-zone-scheduler: [^\n]+\n$/);
    if (typeof message === 'string') expect(stderr).toContain(message);
    else expect(stderr).toMatch(message);
  });

  it.each([
    [{ zones: 0 }, 'zones must be an integer of at least 1, got 0'],
    [{ expect: undefined }, 'expect must be an array, which may be empty, got undefined'],
    [{ expect: {} }, 'expect must be an array, which may be empty, got an object'],
    [{ steps: 'none' }, 'steps must be an array, which may be empty, got none'],
    [
      { expect: [{ stat: 'failed', each: 0 }] },
      'expect[0].each must be [least, greatest], two numbers, got 0',
    ],
    [
      { expect: [{ stat: 'failed', each: [1] }] },
      'expect[0].each must be [least, greatest], two numbers, got 1 of them',
    ],
  ])('names the field of a scenario that is wrong: %o', async (wrong, message) => {
    const { code, stderr } = await run(['simulate', fileOf({ ...SCENARIO, ...wrong })]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^holdfast-zone-scheduler: [^\n]+\n$/);
    expect(stderr).toContain(`scenario.json: ${message}\n`);
  });

  it('runs a scenario of which nothing is expected, and ends with 0', async () => {
    const { code, stdout } = await run(['simulate', fileOf({ ...SCENARIO, expect: [] })]);
    expect(code).toBe(0);
    expect(stdout.split('\n')).toHaveLength(6);
  });

  it('says in the README what scenarios there are', () => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
    for (const file of readdirSync(new URL('../scenarios/', import.meta.url))) {
      expect(readme).toContain(file.replace('.json', ''));
    }
  });
});
