const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** How long something that began at `since` has lasted, milliseconds; never negative, for clocks are set back. */
export function ageMs(since: Date, now: Date): number {
  return Math.max(0, now.getTime() - since.getTime());
}

/** As people read it, two units at most: `350 ms`, `12.3 s`, `4 min 5 s`, `3 h 12 min`, `2 d 5 h`. */
export function formatDuration(ms: number): string {
  if (ms < SECOND_MS) return `${Math.floor(ms)} ms`;
  // Cut, not rounded: 59.96 s is not 60.0 s.
  if (ms < MINUTE_MS) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  if (ms < HOUR_MS)
    return twoUnits(ms, { unit: 'min', ms: MINUTE_MS }, { unit: 's', ms: SECOND_MS });
  if (ms < DAY_MS) return twoUnits(ms, { unit: 'h', ms: HOUR_MS }, { unit: 'min', ms: MINUTE_MS });
  return twoUnits(ms, { unit: 'd', ms: DAY_MS }, { unit: 'h', ms: HOUR_MS });
}

interface Unit {
  readonly unit: string;
  readonly ms: number;
}

function twoUnits(ms: number, large: Unit, small: Unit): string {
  const rest = Math.floor((ms % large.ms) / small.ms);
  return `${Math.floor(ms / large.ms)} ${large.unit} ${rest} ${small.unit}`;
}
