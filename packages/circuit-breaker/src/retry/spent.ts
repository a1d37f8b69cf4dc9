/**
 * Remembers which outcomes are the end of a retry's attempts, so that a retry around it does not multiply them: three
 * layers of three retries are 64 calls. Tags the outcome and not the call, which works also where a layer in between
 * knows nothing of contexts. Each tag has a number, because an error object may be thrown more than once: only what
 * was given up since an attempt began was given up inside it.
 */
const spent = new WeakMap<object, number>();
let latest = 0;

/** Wrapped errors are followed so far. */
const DEEPEST_CAUSE = 8;

/** The number of the latest tag. */
export function latestSpent(): number {
  return latest;
}

export function tagSpent(outcome: unknown): void {
  if (typeof outcome === 'object' && outcome !== null) spent.set(outcome, ++latest);
}

/** True when `outcome`, or an error that it was caused by, was tagged after tag number `since`. */
export function wasSpent(outcome: unknown, since: number): boolean {
  let link = outcome;
  for (let depth = 0; depth < DEEPEST_CAUSE; depth += 1) {
    if (typeof link !== 'object' || link === null) return false;
    if ((spent.get(link) ?? 0) > since) return true;
    link = 'cause' in link ? link.cause : undefined;
  }
  return false;
}
