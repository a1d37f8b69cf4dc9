/** The queue on Redis beside BullMQ, in turn. Arguments: the server, `smoke`. Prints one JSON line for each claim. */
import { compareLatency, ratioAtMost } from './queue-latency.ts';
import { addConcurrently, addInBulk, compareWork, type QueueWork } from './queue-works.ts';
import { measureBytes } from './redis-bytes.ts';
import { openBullMq, openOnRedis } from './redis-sides.ts';

const [url = '', size] = process.argv.slice(2);
const isSmoke = size === 'smoke';

const WORKS: readonly QueueWork[] = [
  {
    ...{ name: 'queue-add', claim: 'adds a second, 64 in flight', target: 3, before: 'clear' },
    work: addConcurrently,
  },
  {
    ...{ name: 'queue-add-bulk', claim: 'items a second, added by 1,000', target: 5 },
    ...{ before: 'clear', work: addInBulk },
  },
  {
    ...{ name: 'queue-each', claim: 'items a second, one by one at concurrency 32', target: 1.3 },
    ...{ before: 'fill', work: (side, count) => side.drainEach(count, 32) },
  },
  {
    name: 'queue-batch',
    claim: 'items a second, by handlers of 100 (BullMQ: of one, 32 at a time)',
    ...{ target: 4, before: 'fill', work: (side, count) => side.drainBatches(count) },
  },
];

const sides = { ours: await openOnRedis(url), peer: await openBullMq(url) };
const options = { peer: 'BullMQ 6', count: isSmoke ? 200 : 20_000, rounds: isSmoke ? 1 : 7 };
for (const work of WORKS) print(await compareWork(work, sides, options));
print(await measureBytes(url, sides, isSmoke ? 200 : 50_000));
const steadily = { perSecond: 400, seconds: isSmoke ? 0.5 : 5 };
const { ours, peer } = await compareLatency(sides, steadily, isSmoke ? 1 : 7);
print({
  ...{ name: 'queue-latency', claim: 'milliseconds to the handler at 400 a second, p99' },
  ...{ ours, peer, ...ratioAtMost(ours.p99 / peer.p99, 0.75) },
});
await Promise.all([sides.ours.close(), sides.peer.close()]);

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
