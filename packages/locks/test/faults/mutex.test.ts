import { isTorture, recordTorture, testSeed } from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import { judgeHistory } from './history.ts';
import { runMutex, type MutexRun } from './mutex-run.ts';

/** The last of 25 is a restart of the server. */
const FAULTS = isTorture ? 500 : 25;
const MEMBERS = isTorture ? 8 : 4;

async function run(options: Pick<MutexRun, 'kind' | 'route'>, faults = FAULTS) {
  const seed = testSeed();
  const startedMs = performance.now();
  const result = await runMutex({ ...options, members: MEMBERS, faults, seed });
  const seconds = Math.round((performance.now() - startedMs) / 1_000);
  const name = `locks-mutex: ${options.kind}, ${options.route}`;
  recordTorture({ name, size: faults, seed, result, seconds });
  return result;
}

describe('a lock that processes fight for, while connections, processes and the server die', () => {
  it.each([
    ['transaction', 'direct'],
    ['transaction', 'transaction pooler'],
    ['transaction', 'session pooler'],
    ['session', 'direct'],
    ['session', 'session pooler'],
  ] as const)(
    'is never held by two of them unseen: %s lock, %s',
    { timeout: isTorture ? 600_000 : 60_000 },
    async (kind, route) => {
      const result = await run({ kind, route });

      // Each fault has waited for a hold: one that never comes ends the test by its limit.
      expect(result).toMatchObject({ violations: 0, drift: 0, crashes: 0 });
    },
  );

  it(
    'is held by many of them when nothing locks (negative control)',
    { timeout: 60_000 },
    async () => {
      const result = await run({ kind: 'none', route: 'direct' }, 25);

      expect(result.violations).toBeGreaterThan(0);
      expect(result.drift).toBeGreaterThan(0);
    },
  );
});

it('tells an overlap that nobody was told of from one that a lost lock explains', () => {
  const hold = (fromUs: number, toUs: number, how: 'ok' | 'lost') => ({
    member: 1,
    fromUs,
    toUs,
    how,
  });

  expect(judgeHistory([hold(0, 5, 'ok'), hold(5, 9, 'ok')])).toMatchObject({ violations: 0 });
  expect(judgeHistory([hold(4, 9, 'ok'), hold(0, 5, 'ok')])).toMatchObject({ violations: 1 });
  expect(judgeHistory([hold(0, 5, 'ok'), hold(4, 9, 'lost')])).toMatchObject({
    violations: 0,
    tolerated: 1,
  });
  expect(judgeHistory([hold(0, 5, 'lost'), hold(4, 9, 'ok')])).toMatchObject({
    violations: 0,
    tolerated: 1,
  });
});
