import type { Frame } from './frame.ts';

/** The clients and Kysely transactions that frames have given out, which stand for them. */
const frames = new WeakMap<object, Frame>();

/** Remembers that `handle` works in the transaction or savepoint of `frame`. */
export function rememberHandle<Handle extends object>(handle: Handle, frame: Frame): Handle {
  frames.set(handle, frame);
  return handle;
}

/** The frame of `tx.pg` or `tx.kysely()`; undefined for what no frame has given out. */
export function frameOfHandle(handle: object): Frame | undefined {
  return frames.get(handle);
}
