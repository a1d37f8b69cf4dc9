import type { QueueSide } from './queue-side.ts';

export interface Latency {
  readonly p50: number;
  readonly p99: number;
}

/** Milliseconds from `add` to the handler at a steady rate, in one process. */
export async function latencyOf(
  side: QueueSide,
  { perSecond, seconds }: { readonly perSecond: number; readonly seconds: number },
): Promise<Latency> {
  await side.clear();
  const waits: number[] = [];
  const end = await side.consume((value) => {
    waits.push(performance.now() - (value as { readonly sentAt: number }).sentAt);
  });
  const count = Math.round(perSecond * seconds);
  const startedAt = performance.now();
  const adds: Promise<unknown>[] = [];
  for (let sent = 0; sent < count; sent += 1) {
    const waitMs = startedAt + (sent * 1000) / perSecond - performance.now();
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

export function ratioAtMost(ratio: number, target: number): object {
  return { ratio: Number(ratio.toPrecision(3)), target, ok: ratio <= target };
}
