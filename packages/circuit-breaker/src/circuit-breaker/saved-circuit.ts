import type { Clock } from '@holdfast/internal';
import type { Circuit } from './circuit.ts';
import type { SavedCircuit } from './options.ts';

/** Monotonic clocks of two processes have nothing in common: what is saved is dated by the wall clock. */
export function saveCircuit(circuit: Circuit, shape: string, clock: Clock): SavedCircuit {
  const { remainingMs = null, ...saved } = circuit.save(clock.now());
  return { version: 1, savedAt: clock.wallNow(), shape, remainingMs, ...saved };
}

/**
 * Makes an unused circuit the one that was saved.
 *
 * @throws {RangeError} when the window that was saved is not one of this shape.
 */
export function loadCircuit(
  circuit: Circuit,
  saved: SavedCircuit,
  shape: string,
  clock: Clock,
): void {
  // A wall clock that was set back must not make an opening longer than it was.
  const ageMs = Math.max(0, clock.wallNow() - saved.savedAt);
  const { opens, openMs, remainingMs, window } = saved;
  // The counts of another shape say nothing here; an opening does.
  if (remainingMs === null && saved.shape !== shape) return;
  circuit.restore(
    { opens, openMs, remainingMs: remainingMs ?? undefined, window },
    ageMs,
    clock.now(),
  );
}
