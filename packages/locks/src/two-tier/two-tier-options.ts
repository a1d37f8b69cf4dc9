import { requireOneOf, requireOptions, type OptionNames } from '@holdfast/internal';
import type { LeaseOptions } from '../leases/lease-contract.ts';
import {
  LEASE_OPTION_NAMES,
  resolveLeaseOptions,
  type ResolvedLeaseOptions,
} from '../leases/lease-options.ts';
import type { TwoTierOptions } from './two-tier-contract.ts';

export interface ResolvedTwoTierOptions {
  readonly lease: ResolvedLeaseOptions;
  /** As the caller gave them, without those of the first tier. */
  readonly leaseOptions: LeaseOptions;
  readonly redisDown: 'postgres' | 'fail';
}

const NAMES: OptionNames<TwoTierOptions> = { ...LEASE_OPTION_NAMES, redisDown: true };

/** @throws {TypeError | RangeError} when an option is wrong. */
export function resolveTwoTierOptions(
  options: TwoTierOptions,
  defaultHolder: string,
): ResolvedTwoTierOptions {
  const { redisDown = 'postgres', ...leaseOptions } = requireOptions(
    'withTwoTierLock',
    options,
    NAMES,
  );
  return {
    lease: resolveLeaseOptions('withTwoTierLock', leaseOptions, defaultHolder),
    leaseOptions,
    redisDown: requireOneOf('redisDown', redisDown, ['postgres', 'fail']),
  };
}
