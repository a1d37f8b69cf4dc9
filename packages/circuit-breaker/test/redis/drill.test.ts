import { isHoldfastError } from '@holdfast/internal';
import { isTorture, recordTorture, testSeed } from '@holdfast/testkit';
import { Redis, type RedisOptions } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { guardRedis } from '../../src/redis.ts';
import { runDrill, type DrillResult, type FaultName, type Subject } from './drill.ts';

const SIZE = isTorture ? 10_000 : 300;
const TIMEOUT_MS = 150;

const noThrow = (): undefined => undefined;

async function createGuardSubject(url: string): Promise<Subject> {
  const client = new Redis(url, { lazyConnect: true });
  const guard = guardRedis(client, {
    prefix: 'drill:',
    timeoutMs: TIMEOUT_MS,
    writes: 'drop',
    // Every call must meet the fault; how the breaker fails fast is the matter of other tests.
    breaker: { mode: 'off' },
  });
  const recover = async (): Promise<void> => {
    while (!(await guard.ready()));
  };
  await recover();
  return {
    recover,
    async write(kind, key) {
      if (kind === 'set') return guard.set(key, 'x');
      return guard.incr(key).then(
        () => 'applied' as const,
        (error: unknown) =>
          isHoldfastError(error, 'REDIS_WRITE_UNKNOWN') ? 'unknown' : 'not-applied',
      );
    },
    nameOf: (kind, key) => (kind === 'set' ? `drill:${key}` : `drill:~count:${key}`),
    async close() {
      await guard.close();
      client.disconnect();
    },
  };
}

/** Negative control: what a program without the guard has. Whatever rejects is taken for failed: it has no other word. */
async function createBareSubject(url: string, options: RedisOptions): Promise<Subject> {
  const client = new Redis(url, { ...options, replyMapping: 'legacy' });
  client.on('error', noThrow);
  return {
    async recover() {
      await client.ping().catch(noThrow);
      while (client.status !== 'ready') {
        await new Promise<void>((resolve) => client.once('ready', () => resolve()));
      }
    },
    write(kind, key) {
      const done: Promise<unknown> = kind === 'set' ? client.set(key, 'x') : client.incr(key);
      return done.then(
        () => 'applied' as const,
        () => 'not-applied' as const,
      );
    },
    nameOf: (_kind, key) => key,
    async close() {
      client.disconnect();
    },
  };
}

function runBare(only: FaultName, size: number, options: RedisOptions = {}): Promise<DrillResult> {
  const createSubject = (url: string): Promise<Subject> => createBareSubject(url, options);
  return runDrill({ size, seed: testSeed(), timeoutMs: TIMEOUT_MS, only, createSubject });
}

describe('a Redis that is cut off, slow, frozen and killed', () => {
  it(
    `hangs no guarded call, applies none that was reported as failed, and none twice, in ${SIZE} faults`,
    { timeout: isTorture ? 1_800_000 : 120_000 },
    async () => {
      const seed = testSeed();
      const startedMs = performance.now();

      const result = await runDrill({
        size: SIZE,
        seed,
        timeoutMs: TIMEOUT_MS,
        createSubject: createGuardSubject,
        onProgress(faults) {
          if (isTorture && faults % 500 < 8)
            process.stdout.write(`redis drill: ${faults} faults\n`);
        },
      });

      const seconds = Math.round((performance.now() - startedMs) / 1_000);
      recordTorture({ name: 'redis-guard-drill', size: SIZE, seed, result, seconds });
      expect(result).toMatchObject({ hung: 0, ghosts: 0, doubled: 0, lost: 0 });
      // Else it would be true of a guard that knows nothing: after a cut it can ask a server that answers. How many
      // answers come in time depends on what else the machine does, but where this runs alone.
      const { cutRequest, cutReply } = result.outcomes;
      const share = isTorture ? 1 / 4 : 1;
      expect(cutRequest.unknown).toBeLessThan(cutRequest.calls * share);
      expect(cutReply.unknown).toBeLessThan(cutReply.calls * share);
      expect(result.notApplied).toBeGreaterThan(0);
    },
  );

  it('doubles increments of a bare client whose replies are cut (negative control)', async () => {
    const result = await runBare('cutReply', 24);

    expect(result.doubled).toBeGreaterThan(0);
  });

  it('applies writes that a bare client has reported as failed, also with safe options (negative control)', async () => {
    const result = await runBare('cutReply', 24, {
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
    });

    expect(result.doubled).toBe(0);
    expect(result.ghosts).toBeGreaterThan(0);
  });

  it('hangs calls of a bare client when it is frozen (negative control)', async () => {
    const result = await runBare('freeze', 8);

    expect(result.hung).toBeGreaterThan(0);
  });

  it('applies writes later that a bare client has reported as timed out (negative control)', async () => {
    const result = await runBare('freeze', 8, { commandTimeout: TIMEOUT_MS });

    expect(result.ghosts).toBeGreaterThan(0);
  });
});
