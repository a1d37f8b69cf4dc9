/** How long an entry may be used, in the milliseconds of the clock; each end is the first instant that is too late. */
export interface Freshness {
  readonly freshUntilMs: number;
  /** It may be given while it is loaded again. */
  readonly staleUntilMs: number;
  /** It may be given when it cannot be loaded again. */
  readonly onErrorUntilMs: number;
}

export interface FreshnessRule {
  readonly ttlMs: number;
  readonly negativeTtlMs: number;
  readonly ttlJitter: number;
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
  readonly random: () => number;
}

/**
 * Counts from when the load *started*: the value may have been read then. Jitter only shortens, so that nothing is fresh for
 * longer than was asked for. That a key is absent is never given when stale: it may have come to be.
 */
export function freshnessOf(
  kind: 'known' | 'absent',
  startedMs: number,
  rule: FreshnessRule,
): Freshness {
  const ttlMs = kind === 'known' ? rule.ttlMs : rule.negativeTtlMs;
  const freshUntilMs =
    ttlMs === Infinity ? Infinity : startedMs + ttlMs * (1 - rule.ttlJitter * rule.random());
  if (kind === 'absent') {
    return { freshUntilMs, staleUntilMs: freshUntilMs, onErrorUntilMs: freshUntilMs };
  }
  return {
    freshUntilMs,
    staleUntilMs: freshUntilMs + rule.staleWhileRevalidateMs,
    onErrorUntilMs: freshUntilMs + rule.staleIfErrorMs,
  };
}
