import type { Random } from '@holdfast/internal';

/** Longest pause between two looks, milliseconds: what a release is noticed late by. */
const LONGEST_MS = 250;

/** Shortest, so that a row that is locked for a moment is not asked for in a tight loop. */
const SHORTEST_MS = 10;

/**
 * Milliseconds until the next look at a lease that somebody holds for `remainingMs` more: never before it can be free, but
 * at the latest after 250 ms, because it may be released. Jitter keeps contenders from coming all at once.
 */
export function pollDelayMs(remainingMs: number, random: Random): number {
  const expiryMs = Math.max(0, remainingMs) + SHORTEST_MS * (1 + 2 * random());
  return Math.min(expiryMs, (LONGEST_MS * (1 + random())) / 2);
}
