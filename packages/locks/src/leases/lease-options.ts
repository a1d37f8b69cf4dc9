import {
  requireBoolean,
  requireInteger,
  requireOneOf,
  requireOptions,
  requireText,
  type OptionNames,
} from '@holdfast/internal';
import type { LeaseOptions } from './lease-contract.ts';
import { optionalSignal } from '../signal.ts';

export interface ResolvedLeaseOptions {
  readonly ttlMs: number;
  /** 0: one look; Infinity: for ever. */
  readonly waitMs: number;
  readonly renew: boolean;
  readonly maxHoldMs: number;
  readonly holder: string;
  readonly requestTimeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

const DEFAULT_TTL_MS = 30_000;
const SHORTEST_TTL_MS = 100;
const DEFAULT_WAIT_MS = 30_000;
const LONGEST_MS = 2 ** 31 - 1;
const LONGEST_DEFAULT_REQUEST_MS = 5_000;

export const LEASE_OPTION_NAMES: OptionNames<LeaseOptions> = {
  ttlMs: true,
  wait: true,
  renew: true,
  maxHoldMs: true,
  holder: true,
  requestTimeoutMs: true,
  signal: true,
};

/** @throws {TypeError | RangeError} when an option is wrong. */
export function resolveLeaseOptions(
  of: string,
  options: LeaseOptions,
  defaultHolder: string,
): ResolvedLeaseOptions {
  requireOptions(of, options, LEASE_OPTION_NAMES);
  const { signal, maxHoldMs } = options;
  const ttlMs = requireInteger('ttlMs', options.ttlMs ?? DEFAULT_TTL_MS, {
    min: SHORTEST_TTL_MS,
    max: LONGEST_MS,
  });
  const defaultRequestMs = Math.min(Math.floor(ttlMs / 3), LONGEST_DEFAULT_REQUEST_MS);
  return Object.freeze({
    ttlMs,
    waitMs: resolveLeaseWait(options.wait),
    renew: requireBoolean('renew', options.renew ?? true),
    maxHoldMs:
      maxHoldMs === undefined ? Infinity : requireInteger('maxHoldMs', maxHoldMs, { min: 1 }),
    holder: requireHolder(options.holder ?? defaultHolder),
    requestTimeoutMs: requireInteger(
      'requestTimeoutMs',
      options.requestTimeoutMs ?? defaultRequestMs,
      { min: 1, max: ttlMs },
    ),
    signal: optionalSignal(signal),
  });
}

/** @throws {TypeError} when it is empty, or holds what a text of PostgreSQL cannot. */
export function requireHolder(holder: unknown): string {
  const text = requireText('holder', holder);
  if (!text.includes('\u0000')) return text;
  throw new TypeError(`holder must not hold a NUL character, got ${JSON.stringify(text)}`);
}

/** Milliseconds: 0 for one look, Infinity for no end. */
function resolveLeaseWait(wait: LeaseOptions['wait']): number {
  if (wait === undefined) return DEFAULT_WAIT_MS;
  if (typeof wait === 'number') {
    return requireInteger("wait, unless 'forever' or 'try',", wait, { min: 1, max: LONGEST_MS });
  }
  return requireOneOf('wait, unless milliseconds,', wait, ['forever', 'try']) === 'try'
    ? 0
    : Infinity;
}
