import type { Frame } from '../transactions/frame.ts';
import { hasMethod } from './queryable-of.ts';

/** The last that was asked for on a client, or a transaction, that is not ours. */
const last = new WeakMap<object, Promise<unknown>>();

/** True of `tx` of these locks, which has turns of its own: `exclusively`. */
export function isFrame(tx: object): tx is Frame {
  return hasMethod(tx, 'query') && hasMethod(tx, 'exclusively');
}

/**
 * Runs `work` when what was asked for before on the same object is over: savepoints of one connection nest, so the end of
 * one would undo what was locked since it began.
 */
export function inTurn<T>(tx: object, work: () => Promise<T>): Promise<T> {
  const run = (last.get(tx) ?? Promise.resolve()).then(work);
  const over = run.catch(() => undefined);
  last.set(tx, over);
  return run;
}
