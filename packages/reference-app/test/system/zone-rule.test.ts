import { expect, it } from 'vitest';
import { decideMode, type ZoneMode } from '../../src/system/zone-rule.ts';

it.each<[ZoneMode, number | undefined, ZoneMode]>([
  ['idle', 20, 'idle'],
  ['idle', 18.9, 'heat'],
  ['idle', 21.1, 'vent'],
  // Once it acts, a zone goes on until the mean is within half the band.
  ['heat', 19.4, 'heat'],
  ['heat', 19.6, 'idle'],
  ['vent', 20.6, 'vent'],
  ['vent', 20.4, 'idle'],
  ['heat', 25, 'vent'],
  // Nothing acts on stale data.
  ['heat', undefined, 'idle'],
  ['idle', undefined, 'idle'],
])('a zone that is %s at a mean of %s goes to %s', (mode, mean, expected) => {
  expect(decideMode({ mode, setpoint: 20, mean })).toBe(expected);
});
