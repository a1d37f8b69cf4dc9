/**
 * Remembers which outcomes are the end of a retry's attempts, so that a retry around it does not multiply them: three
 * layers of three retries are 64 calls. Tags the outcome and not the call, which works also where a layer in between
 * knows nothing of contexts. A tag says when the call that gave up had begun: one that began before an attempt did was
 * not made inside it, though it may share an error object with it, as all queries on a lost connection do.
 */
const spent = new WeakMap<object, number>();
let serial = 0;

/** Wrapped errors are followed so far. */
const DEEPEST_CAUSE = 8;

/** A moment: later ones are greater. */
export function nextSerial(): number {
  return (serial += 1);
}

/** A call that began at `callSerial` has given up with this outcome. */
export function tagSpent(outcome: unknown, callSerial: number): void {
  if (typeof outcome !== 'object' || outcome === null) return;
  spent.set(outcome, Math.max(callSerial, spent.get(outcome) ?? 0));
}

/** True when a call that began after `attemptSerial` gave up with `outcome`, or with an error that caused it. */
export function wasSpent(outcome: unknown, attemptSerial: number): boolean {
  let link = outcome;
  for (let depth = 0; depth < DEEPEST_CAUSE; depth += 1) {
    if (typeof link !== 'object' || link === null) return false;
    if ((spent.get(link) ?? 0) > attemptSerial) return true;
    link = 'cause' in link ? link.cause : undefined;
  }
  return false;
}
