/**
 * Makes a signal call `look`, which may abort it, before anybody reads its state. A process that stood still goes on with
 * whatever its code waited for; the timer that would abort the signal may come after that.
 */
export function lookingSignal(signal: AbortSignal, look: () => void): AbortSignal {
  const read = (name: 'aborted' | 'reason'): unknown => {
    look();
    return Reflect.get(AbortSignal.prototype, name, signal);
  };
  return Object.defineProperties(signal, {
    aborted: { get: () => read('aborted') },
    reason: { get: () => read('reason') },
    throwIfAborted: {
      value: () => {
        look();
        AbortSignal.prototype.throwIfAborted.call(signal);
      },
    },
  });
}
