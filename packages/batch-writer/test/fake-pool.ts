import type { PgClientLike, PgPoolLike } from '@holdfast/batch-writer';

/** One statement as a fake connection got it. */
export interface FakeCall {
  readonly text: string;
  readonly values: readonly (readonly (string | null)[])[];
  /** The values of the first column. */
  readonly ids: readonly (string | null)[];
}

type Respond = (call: FakeCall, number: number) => number | Promise<number>;

export interface FakePool extends PgPoolLike {
  readonly calls: FakeCall[];
  /** What each connection was given back with: undefined for healthy, true for destroyed. */
  readonly releases: (Error | boolean | undefined)[];
  inFlight(): number;
  maxInFlight(): number;
  /** Listeners for `error` on connections that are checked out now. */
  listeners(): number;
  /** Emits `error` on every connection that is checked out. */
  breakAll(error: Error): void;
}

/** A pool whose statements are answered by `respond` with the number of changed rows. Default: all rows. */
export function createFakePool(respond: Respond = ({ ids }) => ids.length): FakePool {
  const calls: FakeCall[] = [];
  const releases: (Error | boolean | undefined)[] = [];
  const listeners = new Set<(error: Error) => void>();
  let inFlight = 0;
  let maxInFlight = 0;

  const createClient = (): PgClientLike => ({
    async query(text, values) {
      const columns = values as (string | null)[][];
      const call = { text, values: columns, ids: columns[0]! };
      calls.push(call);
      return { rowCount: await respond(call, calls.length) };
    },
    release(error) {
      inFlight -= 1;
      releases.push(error);
    },
    on: (_event, listener) => listeners.add(listener),
    removeListener: (_event, listener) => listeners.delete(listener),
  });

  return {
    calls,
    releases,
    inFlight: () => inFlight,
    maxInFlight: () => maxInFlight,
    listeners: () => listeners.size,
    breakAll(error) {
      for (const listener of [...listeners]) listener(error);
    },
    async connect() {
      inFlight += 1;
      maxInFlight = Math.max(maxInFlight, inFlight);
      return createClient();
    },
  };
}

/** An error as `pg` reports it. */
export function pgError(code: string, message = `failed with ${code}`, facts: object = {}): Error {
  return Object.assign(new Error(message), { code, ...facts });
}

export function connectionLost(): Error {
  return Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
}
