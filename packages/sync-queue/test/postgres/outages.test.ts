import { setTimeout as delay } from 'node:timers/promises';
import { seededRandom } from '@holdfast/internal';
import {
  isTorture,
  recordTorture,
  startFaultProxy,
  startPgbouncerServer,
  startPostgresServer,
  testSeed,
  type FaultProxy,
  type ServerProcess,
} from '@holdfast/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CALLERS, startLoad } from '../faults/load.ts';
import { connectQueue } from '../fixtures/stores.ts';
import { tellEarly, type EarlyTeller } from '../fixtures/telling-early.ts';

const timeout = isTorture ? 300_000 : 60_000;
const random = seededRandom(testSeed());

let server: ServerProcess;
let pooler: ServerProcess;
let proxy: FaultProxy;

beforeAll(async () => {
  server = await startPostgresServer();
  pooler = await startPgbouncerServer(server.url, { mode: 'transaction' });
  proxy = await startFaultProxy(server);
});
afterAll(async () => {
  await proxy.close();
  await pooler.close();
  await server.close();
});

interface Outage {
  readonly name: string;
  readonly full: number;
  readonly small: number;
  readonly urlOf: () => string;
  /** Resolves when the server answers again, or those that connect anew. */
  readonly strike: () => Promise<unknown>;
}

async function killAndStart(process: ServerProcess): Promise<void> {
  await process.kill();
  await delay(300 * random());
  await process.start();
}

const OUTAGES: readonly Outage[] = [
  {
    ...{ name: 'SIGKILL', full: 10, small: 1, urlOf: () => server.url },
    strike: () => killAndStart(server),
  },
  {
    ...{ name: 'restart', full: 10, small: 1, urlOf: () => server.url },
    async strike() {
      await server.stop();
      await server.start();
    },
  },
  {
    ...{ name: 'SIGKILL behind a pooler of transactions', full: 10, small: 1 },
    urlOf: () => pooler.url,
    strike: () => killAndStart(server),
  },
  {
    ...{ name: 'SIGKILL of the pooler', full: 10, small: 1, urlOf: () => pooler.url },
    strike: () => killAndStart(pooler),
  },
  {
    ...{ name: 'half-open connections', full: 10, small: 1 },
    urlOf: () => proxy.urlFor(server.url),
    // For good: nothing ever comes of them, and those that are made anew work.
    strike: async () => Promise.resolve(proxy.set('open', { kind: 'freeze' })),
  },
  {
    ...{ name: 'reset connections', full: 50, small: 2, urlOf: () => proxy.urlFor(server.url) },
    // Once with calls on their way that never arrive, for a connection without any takes nothing with it; once as it comes.
    async strike() {
      proxy.set('open', { kind: 'freeze', direction: 'toServer' });
      await delay(100);
      proxy.cutAll();
      await delay(20 * random());
      proxy.cutAll();
    },
  },
];

interface OutageRun {
  readonly outage: Outage;
  /** Whether to strike once more, after so many strikes. */
  readonly goesOn: (strikes: number) => boolean;
  /** The negative control. */
  readonly early?: EarlyTeller;
}

/** Strikes again and again while items are added and consumed, then accounts. */
async function runOutage({ outage, goesOn, early }: OutageRun) {
  const control = early === undefined ? '' : 'control ';
  const schema = `${control}${outage.name}`.replaceAll(/\W/g, '_').toLowerCase();
  const place = { kind: 'postgres', url: outage.urlOf(), schema } as const;
  const opened = await connectQueue(place, { wrap: early?.wrap });
  // What is lost is never done, and must not stop those who add.
  const load = startLoad(opened.queue, { ahead: early === undefined ? 200 : 1_000_000 });
  let slowestResumeMs = 0;
  for (let strikes = 0; goesOn(strikes); strikes += 1) {
    await load.resumed();
    await delay(100 * random());
    await outage.strike();
    slowestResumeMs = Math.max(slowestResumeMs, await load.resumed());
  }
  await load.producing.stop();
  await early?.idle();
  const account = await load.finish();
  await opened.close();
  return { ...account, slowestResumeMs };
}

describe.each(OUTAGES)('$name under load', (outage) => {
  const { name, full, small } = outage;

  test(
    'loses nothing that was acknowledged, and consumers go on by themselves',
    { timeout },
    async () => {
      const startedMs = performance.now();
      const size = isTorture ? full : small;
      const result = await runOutage({ outage, goesOn: (strikes) => strikes < size });

      const seconds = Math.round((performance.now() - startedMs) / 1000);
      recordTorture({
        name: `sync-queue-postgres: ${name}`,
        size,
        seed: testSeed(),
        result,
        seconds,
      });
      expect(result).toMatchObject({ lost: 0, phantoms: 0 });
      expect(result.added).toBeGreaterThan(20);
      if (isTorture) expect(result.slowestResumeMs).toBeLessThanOrEqual(5000);
    },
  );

  test(
    'negative control: loses what was told to be added before the server had answered',
    { timeout },
    async () => {
      const early = tellEarly();
      // One strike may find nothing on its way, and what is on the wire may be done though its answer is lost.
      const goesOn = (): boolean => early.failed() <= 2 * CALLERS;
      const { lost } = await runOutage({ outage, goesOn, early });

      expect(lost).toBeGreaterThan(0);
    },
  );
});
