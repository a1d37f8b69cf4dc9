import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { measureHistory } from './batch-writer/history.ts';
import { measureInserts } from './batch-writer/inserts.ts';
import { conformanceTable } from './conformance/table.ts';
import { measureContended } from './locks/contended.ts';
import { measureHandOver } from './locks/hand-over.ts';
import { measureHotRow } from './locks/hot-row.ts';
import { measureUncontended } from './locks/uncontended.ts';
import { measureSizes } from './policies/sizes.ts';
import { runBundled } from './run-bundled.ts';
import { measureRedisQueue } from './sync-queue/redis.ts';
import {
  measureBlockedKeys,
  measurePinnedClaims,
  measurePostgresQueue,
} from './sync-queue/postgres.ts';
import { measurePostgresCycles } from './zone-scheduler/postgres.ts';
import { measureOverhead, measureRealTime, measureSoak } from './zone-scheduler/zones.ts';

/** Each prints one JSON line for a claim. `smoke`: the smallest size that still runs all of it. */
const CLAIMS: Record<string, (options: { readonly smoke: boolean }) => Promise<void>> = {
  'batch-insert': measureInserts,
  'batch-history': (options) => measureHistory(options, print),
  'batch-loader': ({ smoke }) =>
    runBundled(new URL('batch-writer/loader-run.ts', import.meta.url), smoke ? ['smoke'] : []),
  conformance: async () => void process.stdout.write(await conformanceTable()),
  locks: measureUncontended,
  'locks-contended': (options) => measureContended(options, print),
  'locks-hand-over': (options) => measureHandOver(options, print),
  'locks-hot-row': (options) => measureHotRow(options, print),
  'outbox-append': ({ smoke }) =>
    runBundled(new URL('sync-queue/outbox-append-run.ts', import.meta.url), smoke ? ['smoke'] : []),
  'pg-blocked-keys': measureBlockedKeys,
  'pg-claim-pinned': measurePinnedClaims,
  policies: ({ smoke }) =>
    runBundled(new URL('policies/run.ts', import.meta.url), smoke ? ['--smoke'] : []),
  'queue-postgres': measurePostgresQueue,
  'queue-redis': measureRedisQueue,
  'zone-overhead': (options) => measureOverhead(options, print),
  'zone-postgres': (options) => measurePostgresCycles(options, print),
  'zone-real-time': (options) => measureRealTime(options, print),
  'zone-soak': (options) => measureSoak(options, print),
  'policy-sizes': async () => (await measureSizes()).forEach(print),
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { smoke: { type: 'boolean', default: false } },
});
const unknown = positionals.find((name) => !(name in CLAIMS));
if (unknown !== undefined) {
  const known = Object.keys(CLAIMS).join(', ');
  process.stderr.write(`bench: there is no claim ${unknown}; there are ${known}\n`);
  process.exit(2);
}

const [cpu] = cpus();
print({
  machine: {
    cpu: cpu?.model,
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  },
});
const wanted = Object.entries(CLAIMS).filter(
  ([name]) => positionals.length === 0 || positionals.includes(name),
);
const left = wanted.values();
const work = async (): Promise<void> => {
  for (const [, run] of left) await run({ smoke: values.smoke });
};
// What measures runs alone. A smoke run measures nothing.
await Promise.all(Array.from({ length: values.smoke ? 2 : 1 }, work));

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
