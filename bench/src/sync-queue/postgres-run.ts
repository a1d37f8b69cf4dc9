/**
 * The queue on PostgreSQL beside pg-boss and graphile-worker, each against ours in turn; a claim holds when it holds
 * against both. Arguments: the server, `smoke`. Prints one JSON line for each comparison.
 */
import { openGraphile, openOnPostgres, openPgBoss } from './postgres-sides.ts';
import { latencyOf, ratioAtMost } from './queue-latency.ts';
import type { QueueSide } from './queue-side.ts';
import { addConcurrently, addInBulk, compareWork, type QueueWork } from './queue-works.ts';

const [url = '', size] = process.argv.slice(2);
const isSmoke = size === 'smoke';
const rounds = isSmoke ? 1 : 7;

const WORKS: readonly (QueueWork & { readonly count: number })[] = [
  {
    ...{ name: 'queue-pg-add', claim: 'adds a second, 64 in flight', target: 4, before: 'clear' },
    ...{ count: isSmoke ? 200 : 2000, work: addConcurrently },
  },
  {
    ...{ name: 'queue-pg-add-bulk', claim: 'items a second, added by 1,000', target: 1 },
    ...{ before: 'clear', count: isSmoke ? 200 : 20_000, work: addInBulk },
  },
  {
    ...{
      name: 'queue-pg-batch',
      claim: 'items a second, handled in batches (of 500)',
      target: 1,
    },
    ...{ before: 'fill', count: isSmoke ? 200 : 20_000 },
    work: (side, count) => side.drainBatches(count),
  },
];

const ours = await openOnPostgres(url);
const defaults = await openPgBoss(url, { isWoken: false });
const graphile = await openGraphile(url);
const peers: readonly (readonly [string, QueueSide])[] = [
  ['pg-boss 12', await openPgBoss(url, { isWoken: true })],
  ['graphile-worker 0.17', graphile],
];
for (const { count, ...work } of WORKS) {
  for (const [name, peer] of peers) {
    print(await compareWork(work, { ours, peer }, { peer: name, count, rounds }));
  }
}
const steadily = { perSecond: 50, seconds: isSmoke ? 1 : 10 };
const waits = await latencyOf(ours, steadily);
for (const [name, side, target] of [
  ['pg-boss 12 as it is by default', defaults, 0.01],
  ['graphile-worker 0.17', graphile, 1],
] as const) {
  const peer = await latencyOf(side, steadily);
  print({
    name: 'queue-pg-latency',
    claim: `milliseconds to the handler at 50 a second, p50, against ${name}`,
    ...{ ours: waits, peer, ...ratioAtMost(waits.p50 / peer.p50, target) },
  });
}
for (const side of [ours, defaults, ...peers.map(([, peer]) => peer)]) await side.close();

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
