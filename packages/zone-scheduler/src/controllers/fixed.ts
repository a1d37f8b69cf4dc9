import { requireInteger } from '@holdfast/internal';
import type { Controller } from '../controller.ts';
import { SnapshotReader } from './snapshot-fields.ts';

/**
 * The same limit always.
 *
 * @throws {TypeError | RangeError} when `limit` is not an integer of at least 1.
 */
export function fixed(limit: number): Controller {
  requireInteger('limit', limit, { min: 1 });
  return {
    max: limit,
    probeZones: 0,
    windowMs: 1_000,
    probe: () => undefined,
    plan: () => undefined,
    observe: () => undefined,
    limit,
    explain: () => ({
      ...{ limit, binding: 'fixed', feedForward: NaN, cap: Infinity },
      ...{ noLoadMs: NaN, inflation: NaN },
    }),
    snapshot: () => ({ kind: 'fixed' }),
    restore(snapshot) {
      new SnapshotReader('fixed', snapshot);
    },
  };
}
