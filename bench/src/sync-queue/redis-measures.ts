import { Redis } from 'ioredis';
import type { QueueSide } from './redis-sides.ts';

interface Sides {
  readonly ours: QueueSide;
  readonly peer: QueueSide;
}

/** What the server needs for a message that waits: its memory after so many, less that before. */
export async function measureBytes(
  url: string,
  {
    sides,
    count,
    payload,
  }: { readonly sides: Sides; readonly count: number; readonly payload: object },
): Promise<object> {
  const client = new Redis(url);
  const used = async (): Promise<number> =>
    Number(/^used_memory:(\d+)/m.exec(await client.info('memory'))?.[1]);
  const bytesOf = async (side: QueueSide): Promise<number> => {
    await side.clear();
    const before = await used();
    for (let added = 0; added < count; added += 1000) {
      await side.addBulk(Array.from({ length: Math.min(1000, count - added) }, () => payload));
    }
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

/** From `add` to the handler at 400 messages a second, in one process. */
export async function measureLatency({
  sides,
  seconds,
}: {
  readonly sides: Sides;
  readonly seconds: number;
}): Promise<object> {
  const ours = await latencyOf(sides.ours, seconds);
  const peer = await latencyOf(sides.peer, seconds);
  return {
    ...{ name: 'queue-latency', claim: 'milliseconds to the handler at 400 a second, p99' },
    ...{ ours, peer },
    ...ratioAtMost(ours.p99 / peer.p99, 0.75),
  };
}

async function latencyOf(
  side: QueueSide,
  seconds: number,
): Promise<{ readonly p50: number; readonly p99: number }> {
  await side.clear();
  const waits: number[] = [];
  const end = await side.consume((value) => {
    waits.push(performance.now() - (value as { readonly sentAt: number }).sentAt);
  });
  const count = Math.round(400 * seconds);
  const startedAt = performance.now();
  const adds: Promise<unknown>[] = [];
  for (let sent = 0; sent < count; sent += 1) {
    const waitMs = startedAt + sent * 2.5 - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    adds.push(side.add({ sentAt: performance.now() }));
  }
  await Promise.all(adds);
  while (waits.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
  await end();
  waits.sort((a, b) => a - b);
  const at = (share: number): number => Number((waits[Math.floor(share * count)] ?? 0).toFixed(2));
  return { p50: at(0.5), p99: at(0.99) };
}

function ratioAtMost(ratio: number, target: number): object {
  return { ratio: Number(ratio.toPrecision(3)), target, ok: ratio <= target };
}
