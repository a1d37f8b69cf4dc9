import {
  requireFunction,
  requireInteger,
  requireNumber,
  requireObject,
  requireOptions,
  requireText,
  systemClock,
  type Clock,
  type OptionNames,
} from '@holdfast/internal';
import type { Policy } from '../policy.ts';

export interface KeyedOptions<P extends Policy<unknown>> {
  /** Names the policy in errors and in the snapshot. Default `keyed`. */
  readonly name?: string | undefined;
  /** Makes the policy of one key, when that is first used. Give each a name with the key in it. */
  readonly create: (key: string) => P;
  /** So many policies are kept; at least 1. Default 10 000. */
  readonly maxKeys?: number | undefined;
  /** A policy that was not used for so many milliseconds is forgotten; at least 1. Default: only for lack of room. */
  readonly idleMs?: number | undefined;
  readonly clock?: Clock | undefined;
}

export interface ResolvedKeyedOptions<P extends Policy<unknown>> {
  readonly name: string;
  readonly create: (key: string) => P;
  readonly maxKeys: number;
  readonly idleMs: number;
  readonly clock: Clock;
}

const NAMES: OptionNames<KeyedOptions<Policy<unknown>>> = {
  name: true,
  create: true,
  maxKeys: true,
  idleMs: true,
  clock: true,
};

/** @throws {TypeError | RangeError} when an option is wrong. */
export function resolveKeyedOptions<P extends Policy<unknown>>(
  options: KeyedOptions<P>,
): ResolvedKeyedOptions<P> {
  requireOptions('keyed', options, NAMES);
  const { idleMs } = options;
  return Object.freeze({
    name: requireText('name', options.name ?? 'keyed'),
    create: requireFunction('create', options.create),
    maxKeys: requireInteger('maxKeys', options.maxKeys ?? 10_000, { min: 1 }),
    idleMs: idleMs === undefined ? Infinity : requireNumber('idleMs', idleMs, { min: 1 }),
    clock: requireObject('clock', options.clock ?? systemClock),
  });
}
