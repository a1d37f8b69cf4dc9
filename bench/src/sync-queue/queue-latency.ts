import { median } from '../median.ts';
import type { QueueSide, Sides } from './queue-side.ts';

export interface Latency {
  readonly p50: number;
  readonly p99: number;
}

interface SteadyLoad {
  readonly perSecond: number;
  readonly seconds: number;
}

/** Both sides in turn, after a second of each that does not count: the medians of their rounds, and all that p99 was. */
export async function compareLatency(
  sides: Sides,
  load: SteadyLoad,
  rounds: number,
): Promise<Record<keyof Sides, Latency & { readonly p99s: readonly number[] }>> {
  const measured: Record<keyof Sides, Latency[]> = { ours: [], peer: [] };
  const names = ['ours', 'peer'] as const;
  for (const name of names) await latencyOf(sides[name], { ...load, seconds: 1 });
  for (let round = 0; round < rounds; round += 1) {
    for (const name of names) measured[name].push(await latencyOf(sides[name], load));
  }
  const summary = (latencies: readonly Latency[]): Latency & { p99s: number[] } => {
    const p99s = latencies.map(({ p99 }) => p99);
    return { p50: median(latencies.map(({ p50 }) => p50)), p99: median(p99s), p99s };
  };
  return { ours: summary(measured.ours), peer: summary(measured.peer) };
}

/** Milliseconds from `add` to the handler at a steady rate, in one process. */
export async function latencyOf(
  side: QueueSide,
  { perSecond, seconds }: SteadyLoad,
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
