import { median } from '../median.ts';

/** What a policy adds to a call: `ours` and `peer` do the same as `bare`, each under its policy. */
export interface OverheadClaim {
  readonly name: string;
  /** In words that stand alone. */
  readonly claim: string;
  /** Highest allowed `(ours - bare) / (peer - bare)`. */
  readonly target: number;
  /** Calls in a round. */
  readonly operations: number;
  readonly bare: () => Promise<unknown>;
  readonly ours: () => Promise<unknown>;
  readonly peer: () => Promise<unknown>;
}

/** Times are nanoseconds for each call. */
export interface OverheadResult {
  readonly name: string;
  readonly claim: string;
  readonly bare: number;
  readonly ours: number;
  readonly peer: number;
  readonly ratio: number;
  /** Lowest and highest ratio of a round. */
  readonly spread: readonly [number, number];
  readonly target: number;
  readonly ok: boolean;
  readonly rounds: number;
}

/** Runs the three in turn, after one round that does not count; the ratio is that of the medians. */
export async function measureOverhead(
  { bare, ours, peer, operations, name, claim, target }: OverheadClaim,
  rounds: number,
): Promise<OverheadResult> {
  const times: Record<'bare' | 'ours' | 'peer', number[]> = { bare: [], ours: [], peer: [] };
  for (let round = 0; round <= rounds; round += 1) {
    const measured = {
      bare: await time(bare, operations),
      ours: await time(ours, operations),
      peer: await time(peer, operations),
    };
    if (round === 0) continue;
    for (const side of ['bare', 'ours', 'peer'] as const) times[side].push(measured[side]);
  }
  const middle = { bare: median(times.bare), ours: median(times.ours), peer: median(times.peer) };
  const ratioOf = (side: { bare: number; ours: number; peer: number }): number =>
    (side.ours - side.bare) / (side.peer - side.bare);
  const ratio = ratioOf(middle);
  const each = times.ours.map((_, round) =>
    ratioOf({
      bare: times.bare[round] ?? NaN,
      ours: times.ours[round] ?? NaN,
      peer: times.peer[round] ?? NaN,
    }),
  );
  return {
    name,
    claim,
    bare: Math.round(middle.bare),
    ours: Math.round(middle.ours),
    peer: Math.round(middle.peer),
    ratio: Number(ratio.toPrecision(3)),
    spread: [Number(Math.min(...each).toPrecision(3)), Number(Math.max(...each).toPrecision(3))],
    target,
    ok: ratio <= target,
    rounds,
  };
}

async function time(fn: () => Promise<unknown>, operations: number): Promise<number> {
  const startedAt = performance.now();
  for (let n = 0; n < operations; n += 1) await fn();
  return ((performance.now() - startedAt) * 1e6) / operations;
}
