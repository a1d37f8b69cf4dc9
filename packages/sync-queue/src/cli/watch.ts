import {
  createLiveText,
  formatDuration,
  OperatorError,
  type ProgramContext,
} from '@holdfast/cli-kit';
import { onAbort, raceAbort, sleep, systemClock } from '@holdfast/internal';
import { createPatience, type Patience } from './patience.ts';
import type { OperatedStore } from './stores/operated-store.ts';

export interface WatchRequest {
  readonly intervalMs: number;
}

export interface Watched<T> {
  /**
   * Opens the store, gives it to `fn`, and closes it. Rejects with `OperatorError` when the store fails. When `signal`
   * aborts nothing is waited for any more.
   */
  readonly withStore: (
    fn: (store: OperatedStore) => Promise<void>,
    signal: AbortSignal,
  ) => Promise<void>;
  readonly look: (store: OperatedStore) => Promise<T>;
  readonly text: (value: T) => string;
  /** A line of JSON, without its time. */
  readonly line: (value: T) => object;
}

export interface WatchTerminal extends Pick<ProgramContext, 'print' | 'stdout'> {
  readonly signal: AbortSignal;
}

interface View<T> {
  readonly show: (value: T) => void;
  readonly fail: (message: string) => void;
}

/** A store is waited for as long at least: it may be far away. */
const PATIENCE_MS = 5000;

/**
 * Shows what is there, again and again, until it is told to stop or nobody reads. A store that was there and goes away is
 * told and opened again, and one that does not answer as well; one that cannot be opened at first is a mistake of the operator.
 */
export async function watch<T>(
  watched: Watched<T>,
  { request, json }: { readonly request: WatchRequest; readonly json: boolean },
  { print, stdout, signal: told }: WatchTerminal,
): Promise<0> {
  const { intervalMs } = request;
  const stop = new AbortController();
  onAbort(told, (reason) => stop.abort(reason));
  stdout.once('error', () => stop.abort());
  const { signal } = stop;
  const view = json ? jsonLines(watched, print) : liveTable(watched, stdout, intervalMs);
  const store = { wasThere: false };

  const session = async (opened: OperatedStore, patience: Patience): Promise<void> => {
    while (!isStopped(patience.signal)) {
      patience.ask();
      view.show(await raceAbort(watched.look(opened), patience.signal));
      patience.answered();
      store.wasThere = true;
      await rest(intervalMs, patience.signal);
    }
  };
  while (!isStopped(signal)) {
    const patience = createPatience(Math.max(intervalMs, PATIENCE_MS), signal);
    try {
      const watching = watched.withStore((opened) => session(opened, patience), patience.signal);
      await raceAbort(watching, patience.signal);
    } catch (error) {
      if (isStopped(signal)) break;
      if (!store.wasThere || !(error instanceof OperatorError)) throw error;
      view.fail(error.message);
      await rest(intervalMs, signal);
    } finally {
      patience.end();
    }
  }
  return 0;
}

function jsonLines<T>({ line }: Watched<T>, print: (text: string) => void): View<T> {
  const tell = (value: object): void => print(`${JSON.stringify({ at: wallTime(), ...value })}\n`);
  return {
    show: (value) => tell(line(value)),
    fail: (message) => tell({ error: message }),
  };
}

function liveTable<T>(
  { text }: Watched<T>,
  stdout: NodeJS.WritableStream,
  intervalMs: number,
): View<T> {
  const live = createLiveText(stdout);
  let last = { at: '', table: '' };
  return {
    show(value) {
      last = { at: wallTime(), table: text(value) };
      live.show(`${last.at}, every ${formatDuration(intervalMs)}\n\n${last.table}`);
    },
    fail(message) {
      live.show(`${wallTime()}, ${message}; tried again\n\nas of ${last.at}:\n${last.table}`);
    },
  };
}

/** Shorter when it is told to stop. */
async function rest(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Asked anew after each wait. */
function isStopped(signal: AbortSignal): boolean {
  return signal.aborted;
}

function wallTime(): string {
  return new Date(systemClock.wallNow()).toISOString();
}
