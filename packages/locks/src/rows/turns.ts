import type { Frame } from '../transactions/frame.ts';
import { frameOfHandle } from '../transactions/frame-handles.ts';
import { hasMethod } from './queryable-of.ts';

/** The last that was asked for on a client, or a transaction, that is not ours. */
const last = new WeakMap<object, Promise<unknown>>();

/** The transaction of these locks that `tx` is, or stands for; it has turns of its own: `exclusively`. */
export function frameOf(tx: object): Frame | undefined {
  const isFrame = hasMethod(tx, 'query') && hasMethod(tx, 'exclusively');
  return isFrame ? (tx as unknown as Frame) : frameOfHandle(tx);
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
