/** What two clocks may drift apart: a quartz is off by 0.01 %, one that is being slewed by 0.05 % (NTP), and ten times that. */
const DRIFT = 0.01;

/** What timers and rounding may be off. */
const SLACK_MS = 5;

/**
 * Until when the holder trusts in a lease, on its monotonic clock. Anchored to when the request was *sent*: the server's
 * clock began to count `ttlMs` at that moment or later, so a slow answer cannot stretch the lease. It ends one margin
 * early: 1 % of `ttlMs` and 5 ms.
 */
export function trustEndsAtMs(sentAtMs: number, ttlMs: number): number {
  return sentAtMs + ttlMs - (ttlMs * DRIFT + SLACK_MS);
}

/** When the next renewal is sent: after a third of `ttlMs`, so that two more can fail. */
export function renewsAtMs(sentAtMs: number, ttlMs: number): number {
  return sentAtMs + ttlMs / 3;
}
