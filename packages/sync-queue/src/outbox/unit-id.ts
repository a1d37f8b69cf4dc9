import { randomUUID } from 'node:crypto';

const MAX_MS = 2 ** 48 - 1;

/**
 * A name for a unit: a UUID of version 7, whose first 48 bits are the time. Names that are made one after another lie
 * next to each other in the index of a store, so that a commit of many writes few pages.
 * Source: RFC 9562, section 5.7.
 */
export function newUnitId(wallNowMs: number): string {
  const ms = Math.min(MAX_MS, Math.max(0, Math.floor(wallNowMs)));
  const time = ms.toString(16).padStart(12, '0');
  // What follows the digit of the version is as random as in version 4, and its variant is the same.
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}
