/** The moment at which a cycle is due, and the one at which it must be over: the next tick. */
export interface Tick {
  readonly index: number;
  readonly plannedMs: number;
  readonly endMs: number;
}

/** Ticks lie at `originMs + index * cycleMs`, so that no lateness ever adds up. */
export interface TickSeries {
  readonly originMs: number;
  readonly cycleMs: number;
}

export function tickAt({ originMs, cycleMs }: TickSeries, index: number): Tick {
  const plannedMs = originMs + index * cycleMs;
  return { index, plannedMs, endMs: plannedMs + cycleMs };
}

/** The latest tick that is due, at least number `next`; those between were missed and are never made up for. */
export function latestTick(
  series: TickSeries,
  next: number,
  nowMs: number,
): { readonly tick: Tick; readonly missed: number } {
  const reached = Math.floor((nowMs - series.originMs) / series.cycleMs);
  // A timer may fire a fraction of a millisecond early.
  const index = Math.max(next, reached);
  return { tick: tickAt(series, index), missed: index - next };
}
