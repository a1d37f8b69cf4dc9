import { requireFunction } from '@holdfast/internal';
import type { Awaitable } from '../policy.ts';

/** Errors of transactions whose COMMIT had not been sent. */
const uncommitted = new WeakSet<object>();

/**
 * Runs the part of a transaction between BEGIN and COMMIT. When the connection breaks in there, the server rolls back:
 * `pgErrors` then judges the error as not applied, so that the whole transaction is retried although it is not
 * idempotent. `fn` must not send the COMMIT itself, and what it does elsewhere than in this transaction is not covered.
 */
export async function beforeCommit<T>(fn: () => Awaitable<T>): Promise<T> {
  requireFunction('fn', fn);
  try {
    return await fn();
  } catch (error) {
    if (typeof error === 'object' && error !== null) uncommitted.add(error);
    throw error;
  }
}

export function isUncommitted(error: unknown): boolean {
  return typeof error === 'object' && error !== null && uncommitted.has(error);
}
