import { requireFunction, requireOneOf, type OptionNames } from './checks.ts';

/** Typed events. `Events` maps each event's name to what its listeners get. */
export interface Listeners<Events> {
  /**
   * Adds a listener and returns the function that removes it. A listener added twice is called twice.
   *
   * @throws {TypeError} unless `event` is the name of one, and `listener` a function.
   */
  on<K extends keyof Events>(
    this: void,
    event: K,
    listener: (payload: Events[K]) => void,
  ): () => void;
  /** Calls the listeners in the order they were added. One that throws changes nothing for the emitter or for the others. */
  emit<K extends keyof Events>(this: void, event: K, payload: Events[K]): void;
}

/**
 * Creates an emitter whose listeners cannot change a result. What a listener throws becomes a process warning
 * (`HoldfastListenerWarning`): visible, but never in the way.
 *
 * @param events the name of each; a listener to anything else would wait for ever, and nobody would know.
 */
export function createListeners<Events>(events: NoInfer<OptionNames<Events>>): Listeners<Events> {
  const names = Object.keys(events);
  const added = new Map<keyof Events, readonly ((payload: never) => unknown)[]>();
  return {
    on(event, listener) {
      if (names.length === 0) {
        throw new TypeError(`there are no events to listen to, got ${JSON.stringify(event)}`);
      }
      requireOneOf('event', event, names);
      requireFunction('listener', listener);
      // A unique wrapper, so that removing one of two equal listeners removes just that one. Copied on
      // write, so that a listener may add and remove listeners while one event is being delivered.
      const entry = (payload: never): unknown => listener(payload);
      added.set(event, [...(added.get(event) ?? []), entry]);
      return () => {
        const rest = (added.get(event) ?? []).filter((other) => other !== entry);
        if (rest.length === 0) added.delete(event);
        else added.set(event, rest);
      };
    },
    emit(event, payload) {
      for (const listener of added.get(event) ?? []) {
        try {
          const result = listener(payload as never);
          // An `async` listener fits the type of one that returns nothing.
          if (result instanceof Promise) {
            result.catch((error: unknown) => warnAboutListener(String(event), error));
          }
        } catch (error) {
          warnAboutListener(String(event), error);
        }
      }
    },
  };
}

function warnAboutListener(event: string, error: unknown): void {
  process.emitWarning(
    `a listener for "${event}" threw: ${textOf(error)}`,
    'HoldfastListenerWarning',
  );
}

/** Never throws, whatever was thrown: `String` does for an object without a prototype. */
function textOf(error: unknown): string {
  try {
    return String(error instanceof Error ? (error.stack ?? error.message) : error);
  } catch {
    return 'something that has no text';
  }
}
