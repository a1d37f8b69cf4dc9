import {
  createLiveText,
  formatDuration,
  OperatorError,
  type ProgramContext,
} from '@holdfast/cli-kit';
import { onAbort, raceAbort, sleep, systemClock } from '@holdfast/internal';
import type { OperatedStore } from './stores/operated-store.ts';

export interface WatchRequest {
  readonly intervalMs: number;
}

export interface Watched<T> {
  /** Opens the store, gives it to `fn`, and closes it. Rejects with `OperatorError` when the store fails. */
  readonly withStore: (fn: (store: OperatedStore) => Promise<void>) => Promise<void>;
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

/**
 * Shows what is there, again and again, until it is told to stop or nobody reads. A store that was there and goes away is
 * told and opened again; one that cannot be opened at first is a mistake of the operator.
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

  const session = async (opened: OperatedStore): Promise<void> => {
    while (!signal.aborted) {
      view.show(await raceAbort(watched.look(opened), signal));
      store.wasThere = true;
      await rest(intervalMs, signal);
    }
  };
  while (!isStopped(signal)) {
    try {
      await watched.withStore(session);
    } catch (error) {
      if (isStopped(signal)) break;
      if (!store.wasThere || !(error instanceof OperatorError)) throw error;
      view.fail(error.message);
      await rest(intervalMs, signal);
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
