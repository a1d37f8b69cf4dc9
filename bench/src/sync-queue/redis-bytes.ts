import { Redis } from 'ioredis';
import { ratioAtMost } from './queue-latency.ts';
import type { QueueSide, Sides } from './queue-side.ts';
import { addInBulk } from './queue-works.ts';

/** What the server needs for a message that waits: its memory after so many, less that before. */
export async function measureBytes(url: string, sides: Sides, count: number): Promise<object> {
  const client = new Redis(url);
  const used = async (): Promise<number> =>
    Number(/^used_memory:(\d+)/m.exec(await client.info('memory'))?.[1]);
  const bytesOf = async (side: QueueSide): Promise<number> => {
    await side.clear();
    const before = await used();
    await addInBulk(side, count);
    const bytes = ((await used()) - before) / count;
    await side.clear();
    return Math.round(bytes);
  };
  const [ours, peer] = [await bytesOf(sides.ours), await bytesOf(sides.peer)];
  client.disconnect();
  return {
    ...{ name: 'queue-bytes', claim: 'bytes a waiting message, against BullMQ 6', ours, peer },
    ...ratioAtMost(ours / peer, 0.5),
  };
}
