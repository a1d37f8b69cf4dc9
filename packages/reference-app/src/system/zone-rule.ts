export type ZoneMode = 'idle' | 'heat' | 'vent';

/** Degrees Celsius that the mean must be off the set point before a zone acts; half of it to stop again. */
const BAND = 1;

/**
 * What a zone should do. With hysteresis: acting starts beyond the band and ends within half of it, so noise around
 * the edge does not switch the actuators. Without a fresh reading (`mean` undefined) the zone is idle: nothing acts
 * on stale data.
 */
export function decideMode(zone: {
  readonly mode: ZoneMode;
  readonly setpoint: number;
  readonly mean: number | undefined;
}): ZoneMode {
  if (zone.mean === undefined) return 'idle';
  const excess = zone.mean - zone.setpoint;
  if (excess < -BAND) return 'heat';
  if (excess > BAND) return 'vent';
  if (zone.mode === 'heat' && excess < -BAND / 2) return 'heat';
  if (zone.mode === 'vent' && excess > BAND / 2) return 'vent';
  return 'idle';
}
