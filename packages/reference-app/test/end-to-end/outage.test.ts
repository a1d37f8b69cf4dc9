import {
  startFaultProxy,
  startMosquittoServer,
  startPostgresServer,
  startRedisServer,
} from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import { ledgerOf, startHoldfast } from '../run-holdfast.ts';

const SIZE = ['--nodes', '50', '--seconds', '12', '--seed', '5', '--json'];
const SHORT = ['--nodes', '10', '--seconds', '3', '--json'];

/** Runs with servers of their own, which mostly wait: a few at a time, of which each may take several times longer. */
const TOGETHER = { concurrent: true, timeout: 180_000 };

describe('holdfast demo, while a store is killed and comes back', () => {
  it('loses nothing of an outage of PostgreSQL', TOGETHER, async () => {
    await using postgres = await startPostgresServer();
    await using running = startHoldfast('demo', ...SIZE, '--postgres', postgres.url);
    await running.said(/% \| [1-9]/);

    await postgres.kill();
    await running.said(/will be tried again|a write is tried again/);
    await postgres.start();

    const run = await running.finished;
    expect(run.code, run.stderr).toBe(0);
    expect(ledgerOf(run)).toMatchObject({ nodes: 50, lost: 0, stale: 0, unsettled: 0 });
  });

  it('loses nothing of an outage of Redis with an append-only file', TOGETHER, async () => {
    await using redis = await startRedisServer({ appendonly: true });
    await using running = startHoldfast('demo', ...SIZE, '--redis', redis.url);
    await running.said(/% \| [1-9]/);

    await redis.kill();
    await running.said('the intake waits for the queue');
    await redis.start();

    const run = await running.finished;
    expect(run.code, run.stderr).toBe(0);
    expect(ledgerOf(run)).toMatchObject({ nodes: 50, lost: 0, stale: 0, unsettled: 0 });
  });
});

describe('holdfast demo, while a server is away', () => {
  it('loses nothing when a broker that persists is restarted', TOGETHER, async () => {
    await using broker = await startMosquittoServer({ persistence: true });
    await using running = startHoldfast('demo', ...SIZE, '--mqtt', broker.url);
    await running.said(/% \| [1-9]/);

    await broker.stop();
    await broker.start();

    const run = await running.finished;
    expect(run.code, run.stderr).toBe(0);
    expect(ledgerOf(run)).toMatchObject({ nodes: 50, lost: 0, stale: 0, unsettled: 0 });
    // Sent after the restart as well, not only before.
    expect(ledgerOf(run).messages).toBeGreaterThan(50 * 10);
  });

  it('loses nothing when every connection to the broker is cut', TOGETHER, async () => {
    await using broker = await startMosquittoServer();
    await using proxy = await startFaultProxy(broker);
    await using running = startHoldfast('demo', ...SIZE, '--mqtt', proxy.urlFor(broker.url));
    await running.said(/% \| [1-9]/);

    proxy.cutAll();

    const run = await running.finished;
    expect(run.code, run.stderr).toBe(0);
    expect(ledgerOf(run)).toMatchObject({ nodes: 50, lost: 0, stale: 0, unsettled: 0 });
  });

  it(
    'ends with the ledger, and with exit code 1, when PostgreSQL never comes back',
    TOGETHER,
    async () => {
      await using postgres = await startPostgresServer();
      await using running = startHoldfast('demo', ...SHORT, '--postgres', postgres.url);
      await running.said('running');

      await postgres.kill();

      const run = await running.finished;
      expect(run.code).toBe(1);
      const ledger = ledgerOf(run);
      expect(ledger.unsettled).toBeGreaterThan(0);
      expect(ledger.lost).toBeGreaterThan(0);
      expect(run.leftovers).toEqual([]);
    },
  );

  it(
    'ends with the ledger, and with exit code 1, when the broker never comes back',
    TOGETHER,
    async () => {
      await using broker = await startMosquittoServer();
      await using running = startHoldfast('demo', ...SIZE, '--mqtt', broker.url);
      await running.said(/% \| [1-9]/);

      await broker.kill();

      const run = await running.finished;
      expect(run.code, run.stderr).toBe(1);
      expect(ledgerOf(run).unsettled).toBeGreaterThan(0);
      expect(run.leftovers).toEqual([]);
    },
  );

  it(
    'ends within seconds, with the ledger, when it is interrupted meanwhile',
    TOGETHER,
    async () => {
      await using postgres = await startPostgresServer();
      await using running = startHoldfast('demo', ...SIZE, '--postgres', postgres.url);
      await running.said(/% \| [1-9]/);
      await postgres.freeze();

      running.kill('SIGTERM');

      const run = await running.finished;
      expect(run.code, run.stderr).toBe(1);
      expect(ledgerOf(run)).toMatchObject({ interrupted: true });
      expect(ledgerOf(run).lost).toBeGreaterThan(0);
    },
  );
});
