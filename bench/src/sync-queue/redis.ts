import { startRedisServer } from '@holdfast/testkit';
import { compare } from '../compare.ts';
import { measureBytes, measureLatency } from './redis-measures.ts';
import { openBullMq, openHoldfast, type QueueSide } from './redis-sides.ts';

/** What a message of the bench holds: about 90 bytes of JSON. */
const PAYLOAD = {
  device: 'greenhouse-7',
  at: 1_700_000_000_000,
  values: [21.5, 61.2, 400.1, 7.25],
};

type Work = (side: QueueSide, count: number) => Promise<void>;

interface WorkClaim {
  readonly name: string;
  readonly claim: string;
  readonly target: number;
  /** Whether the queue is filled before each round, or emptied. */
  readonly before: 'fill' | 'clear';
  readonly work: Work;
}

const CLAIMS: readonly WorkClaim[] = [
  {
    ...{ name: 'queue-add', claim: 'adds a second, 64 in flight', target: 3, before: 'clear' },
    async work(side, count) {
      let left = count;
      const lane = async (): Promise<void> => {
        while ((left -= 1) >= 0) await side.add(PAYLOAD);
      };
      await Promise.all(Array.from({ length: 64 }, lane));
    },
  },
  {
    ...{ name: 'queue-add-bulk', claim: 'items a second, added by 1,000', target: 5 },
    before: 'clear',
    work: addInBulk,
  },
  {
    ...{ name: 'queue-each', claim: 'items a second, one by one at concurrency 32', target: 1.3 },
    before: 'fill',
    work: (side, count) => side.drainEach(count, 32),
  },
  {
    ...{
      name: 'queue-batch',
      claim: 'items a second, by handlers of 100 (BullMQ: of one, 32 at a time)',
    },
    ...{ target: 4, before: 'fill' },
    work: (side, count) => side.drainBatches(count),
  },
];

/**
 * The queue on Redis beside BullMQ at its best settings (`removeOnComplete`, no event stream), on one private server with
 * an append-only file, in turn.
 */
export async function measureRedisQueue(
  { smoke }: { readonly smoke: boolean },
  print: (line: object) => void,
): Promise<void> {
  await using server = await startRedisServer({
    settings: { appendonly: 'yes', appendfsync: 'everysec' },
  });
  const count = smoke ? 200 : 20_000;
  const sides = { ours: await openHoldfast(server.url), peer: await openBullMq(server.url) };
  for (const { name, claim, target, before, work } of CLAIMS) {
    const comparison = await compare(
      {
        claim: `${claim}, against BullMQ 6`,
        target,
        operations: count,
        ours: () => work(sides.ours, count),
        peer: () => work(sides.peer, count),
        async prepare(side) {
          await sides[side].clear();
          if (before === 'fill') await addInBulk(sides[side], count);
        },
        close: () => Promise.resolve(),
      },
      smoke ? 1 : 7,
    );
    print({ name, ...comparison });
  }
  print(await measureBytes(server.url, { sides, count: smoke ? 200 : 50_000, payload: PAYLOAD }));
  print(await measureLatency({ sides, seconds: smoke ? 0.5 : 10 }));
  await Promise.all([sides.ours.close(), sides.peer.close()]);
}

async function addInBulk(side: QueueSide, count: number): Promise<void> {
  for (let added = 0; added < count; added += 1000) {
    await side.addBulk(Array.from({ length: Math.min(1000, count - added) }, () => PAYLOAD));
  }
}
