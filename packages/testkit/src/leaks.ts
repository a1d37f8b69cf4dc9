import { createHook, type AsyncHook } from 'node:async_hooks';
import { getEventListeners, type EventEmitter } from 'node:events';

export interface WatchLeaksOptions {
  /** Signals whose `abort` listeners are counted. */
  readonly signals?: readonly AbortSignal[] | undefined;
  /** Emitters whose listeners, of all events, are counted. */
  readonly emitters?: readonly EventEmitter[] | undefined;
}

export interface LeakWatch {
  /**
   * Rejects when, compared with the start, there are more timers, sockets, servers, child processes or listeners, and
   * tells where each timer was set. Waits up to a second for what is just being closed. Ends the watch.
   */
  assertNone(): Promise<void>;
}

const GRACE_MS = 1_000;
const HANDLES = /^(TCP|Pipe|UDP|TLS|Process|FSEvent)/;
/** Where the test runner sets timers of its own, which are none of ours. */
const RUNNER = /node_modules\/(vitest|@vitest|birpc|tinypool|vite)\//;
/** Frames of Node.js itself, and this file's. */
const PLATFORM = /\(?node:|leaks\.ts/;

/** Starts to watch. Timers count whether they keep the process alive or not, but only those set from now on. */
export function watchLeaks(options: WatchLeaksOptions = {}): LeakWatch {
  const timers = new Map<number, string>();
  const hook = watchTimers(timers);
  const handlesBefore = countHandles();
  const listenersBefore = countListeners(options);

  const findLeaks = (): string[] => {
    const leaks = [...timers.values()].map((stack) => `a timer that was set here:\n${stack}`);
    for (const [name, count] of countHandles()) {
      const more = count - (handlesBefore.get(name) ?? 0);
      if (more > 0) leaks.push(`${more} more ${name} than at the start`);
    }
    const listeners = countListeners(options);
    listeners.forEach((count, index) => {
      const more = count - (listenersBefore[index] ?? 0);
      if (more > 0) leaks.push(`${more} more listeners on signal or emitter ${index}`);
    });
    return leaks;
  };

  return {
    async assertNone() {
      const deadlineMs = performance.now() + GRACE_MS;
      // Turns of the event loop and no timer, which would count itself. At least one: the end of a timer is told late.
      do {
        await new Promise((resolve) => setImmediate(resolve));
      } while (findLeaks().length > 0 && performance.now() < deadlineMs);
      hook.disable();
      const leaks = findLeaks();
      if (leaks.length > 0) throw new Error(`left behind:\n${leaks.join('\n')}`);
    },
  };
}

function watchTimers(timers: Map<number, string>): AsyncHook {
  return createHook({
    init(id, type) {
      if (type !== 'Timeout') return;
      const frames = (new Error('timer').stack ?? '').split('\n').slice(1);
      const first = frames.findIndex((frame) => !PLATFORM.test(frame));
      const isRunner = RUNNER.test(frames[first] ?? '');
      if (!isRunner) timers.set(id, frames.slice(Math.max(0, first)).join('\n'));
    },
    destroy: (id) => void timers.delete(id),
  }).enable();
}

function countHandles(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) {
    if (HANDLES.test(name)) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

function countListeners({ signals = [], emitters = [] }: WatchLeaksOptions): number[] {
  const onSignals = signals.map((signal) => getEventListeners(signal, 'abort').length);
  const onEmitters = emitters.map((emitter) =>
    emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0),
  );
  return [...onSignals, ...onEmitters];
}
