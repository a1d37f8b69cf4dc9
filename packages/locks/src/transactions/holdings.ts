import { AsyncLocalStorage } from 'node:async_hooks';

/** What one call holds while its function runs: a transaction, or a session's lock; and keys, which may grow. */
export interface Holding<Frame> {
  readonly frame: Frame | undefined;
  readonly keys: ReadonlySet<bigint>;
}

interface Place<Frame> extends Holding<Frame> {
  isOver: boolean;
  around: Place<Frame> | undefined;
}

/**
 * What the asynchronous call that asks is inside of. It is how a transaction finds the one around it, and how a call is
 * kept from waiting for a lock of its own.
 */
export class Holdings<Frame> {
  readonly #storage = new AsyncLocalStorage<Place<Frame>>();

  /** Runs `fn` inside of a holding, which is over when `fn` has settled. */
  async within<T>(holding: Holding<Frame>, fn: () => Promise<T>): Promise<T> {
    // Written out, here and in what every transaction makes: a spread costs a microsecond.
    const { frame, keys } = holding;
    const around = openOf(this.#storage.getStore());
    const place: Place<Frame> = { frame, keys, isOver: false, around };
    try {
      return await this.#storage.run(place, fn);
    } finally {
      place.isOver = true;
    }
  }

  /** The innermost transaction that is still open. */
  get frame(): Frame | undefined {
    return this.#find(({ frame }) => frame !== undefined)?.frame;
  }

  holds(key: bigint): boolean {
    return this.#find(({ keys }) => keys.has(key)) !== undefined;
  }

  #find(isIt: (holding: Holding<Frame>) => boolean): Holding<Frame> | undefined {
    let place = openOf(this.#storage.getStore());
    while (place !== undefined && !isIt(place)) {
      place.around = openOf(place.around);
      place = place.around;
    }
    return place;
  }
}

/** The nearest that is not over. The others drop out: calls that start each other, one after the other, have no end. */
function openOf<Frame>(place: Place<Frame> | undefined): Place<Frame> | undefined {
  let each = place;
  while (each?.isOver === true) each = each.around;
  return each;
}
