import { expect, it } from 'vitest';
import { probeError } from '../../src/controllers/probe-error.ts';

it('allows for less the more probes there are, and for few not more than for sixteen', () => {
  expect(probeError(16)).toBeCloseTo(0.376, 3);
  expect(probeError(64)).toBeCloseTo(0.188, 3);
  expect([1, 4].map(probeError)).toEqual([probeError(16), probeError(16)]);
});
