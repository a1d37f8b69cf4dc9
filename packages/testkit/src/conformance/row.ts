import { NotApplicable, type Library, type Session } from './library.ts';

export interface Row {
  /** As in the list of behaviours: B12, R04. */
  readonly id: string;
  readonly behaviour: string;
  readonly run: (session: Session) => Promise<void>;
}

/** `hangs`: a call that should have settled did not. */
export type Verdict = 'passes' | 'fails' | 'hangs' | 'not applicable';

class Hangs extends Error {}

export interface RowResult {
  readonly id: string;
  readonly verdict: Verdict;
  readonly error: unknown;
}

/** Runs one row against one library, in virtual time. */
export async function runRow(row: Row, library: Library): Promise<RowResult> {
  const session = library.open();
  try {
    await row.run(session);
    return { id: row.id, verdict: 'passes', error: undefined };
  } catch (error) {
    if (error instanceof NotApplicable) return { id: row.id, verdict: 'not applicable', error };
    return { id: row.id, verdict: error instanceof Hangs ? 'hangs' : 'fails', error };
  } finally {
    session.close();
  }
}

/** A call as the rows look at it; its rejection is handled. */
export interface Observed {
  isSettled: boolean;
  value: unknown;
  error: unknown;
  readonly settled: Promise<void>;
}

export function observe(call: Promise<unknown>): Observed {
  const observed: Observed = {
    isSettled: false,
    value: undefined,
    error: undefined,
    settled: call.then(
      (value) => void Object.assign(observed, { isSettled: true, value }),
      (error: unknown) => void Object.assign(observed, { isSettled: true, error }),
    ),
  };
  return observed;
}

/** Lets time pass until `call` has settled; throws `Hangs` when it has not within `ms`. */
export async function settledWithin(
  session: Session,
  call: Observed,
  ms: number,
): Promise<Observed> {
  await session.clock.advance(0);
  for (let step = 0; step < 20 && !call.isSettled; step += 1) await session.clock.advance(ms / 20);
  if (!call.isSettled) throw new Hangs(`not settled within ${ms} ms`);
  return call;
}

/** Calls and waits, without time passing. */
export async function settle(session: Session, call: Promise<unknown>): Promise<Observed> {
  return settledWithin(session, observe(call), 0);
}

export const hang = (): Promise<never> => new Promise(() => undefined);
export const fail = (): Promise<never> => Promise.reject(new Error('down'));
