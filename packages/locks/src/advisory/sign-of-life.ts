import type { Clock, Timer } from '@holdfast/internal';
import type { Connection } from '../connection.ts';
import { LockLostError } from '../errors.ts';
import { sqlstateOf } from '../sqlstate.ts';

/** How long a connection that holds a lock may be silent when it is asked. */
export interface Patience {
  readonly connection: Connection;
  /** Of the lock. */
  readonly name: string;
  readonly ms: number;
  readonly clock: Clock;
}

/** Gives the connection up when there is no answer in time: then what waits for it rejects. */
export async function answerWithin<T>(patience: Patience, ask: () => Promise<T>): Promise<T> {
  const timer = patience.clock.setTimer(() => abandon(patience), patience.ms);
  try {
    return await ask();
  } finally {
    timer.cancel();
  }
}

/** The same, but the time that the function's own queries take in front of the question does not count. */
export async function answerInTurnWithin<T>(patience: Patience, ask: () => Promise<T>): Promise<T> {
  const { connection, clock, ms } = patience;
  const { sent } = connection.progress;
  const isNext = (): boolean => connection.progress.ended >= sent;
  let wasNext = isNext();
  const look = (): void => {
    if (wasNext) {
      abandon(patience);
      return;
    }
    wasNext = isNext();
    timer = clock.setTimer(look, ms);
  };
  let timer: Timer = clock.setTimer(look, ms);
  try {
    return await ask();
  } finally {
    timer.cancel();
  }
}

/**
 * Asks the server for a sign of life whenever the connection is idle: one that was cut without a word has no other way to
 * tell. Gives it up when none has come within one more period.
 */
export function keepAlive(patience: Patience): () => void {
  const { connection, clock, ms } = patience;
  let isAsking = false;
  const beat = (): void => {
    if (isAsking) {
      // The answer may be here, unread, when this process has been busy: timers come before what was received.
      const giveUp = (): void => {
        if (isAsking) abandon(patience);
        else beat();
      };
      timer = clock.setTimer(giveUp, 1, { background: true });
      return;
    }
    // What is on its way will tell as well, and the question would only wait behind it.
    if (!connection.isBusy) ask();
    timer = clock.setTimer(beat, ms, { background: true });
  };
  const ask = (): void => {
    isAsking = true;
    connection.query('SELECT 1').then(
      () => void (isAsking = false),
      (error: unknown) => {
        // Whatever the server says, it lives: also that the function's transaction has failed.
        if (sqlstateOf(error) !== undefined) isAsking = false;
      },
    );
  };
  let timer = clock.setTimer(beat, ms, { background: true });
  return () => timer.cancel();
}

function abandon({ connection, name, ms }: Patience): void {
  const silence = new Error(`the server gave no sign of life for ${ms} ms`);
  connection.abandon(new LockLostError(name, silence));
}
