import type { Claim } from './claim.ts';
import { median } from './median.ts';

export interface Side {
  /** Median operations a second. */
  readonly perSecond: number;
  /** Slowest and fastest round. */
  readonly spread: readonly [number, number];
  /** Median microseconds of CPU of this process for each operation. */
  readonly cpuMicros: number;
}

export interface Comparison {
  readonly claim: string;
  readonly ours: Side;
  readonly peer: Side;
  readonly ratio: number;
  readonly target: number;
  readonly ok: boolean;
  readonly rounds: number;
}

interface Round {
  readonly perSecond: number;
  readonly cpuMicros: number;
}

/** Runs both sides in turn, A B A B, after one round of each that does not count. */
export async function compare(claim: Claim, rounds: number): Promise<Comparison> {
  const ours: Round[] = [];
  const peer: Round[] = [];
  await run(claim, 'ours');
  await run(claim, 'peer');
  for (let round = 0; round < rounds; round += 1) {
    ours.push(await run(claim, 'ours'));
    peer.push(await run(claim, 'peer'));
  }
  const [a, b] = [summarise(ours), summarise(peer)];
  const ratio = a.perSecond / b.perSecond;
  return {
    claim: claim.claim,
    ours: a,
    peer: b,
    ratio: Number(ratio.toPrecision(3)),
    target: claim.target,
    ok: ratio >= claim.target,
    rounds,
  };
}

async function run(claim: Claim, side: 'ours' | 'peer'): Promise<Round> {
  await claim.prepare?.(side);
  return measure(claim[side], claim.operations);
}

async function measure(side: () => Promise<void>, operations: number): Promise<Round> {
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  await side();
  const seconds = (performance.now() - startedAt) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { perSecond: operations / seconds, cpuMicros: (user + system) / operations };
}

function summarise(rounds: readonly Round[]): Side {
  const speeds = rounds.map((round) => round.perSecond);
  return {
    perSecond: Math.round(median(speeds)),
    spread: [Math.round(Math.min(...speeds)), Math.round(Math.max(...speeds))],
    cpuMicros: Number(median(rounds.map((round) => round.cpuMicros)).toPrecision(3)),
  };
}
