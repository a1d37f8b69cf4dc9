import { AsyncLocalStorage } from 'node:async_hooks';
import {
  requireFunction,
  requireNumber,
  requireObject,
  requireOptions,
  systemClock,
  type Clock,
  type OptionNames,
} from '@holdfast/internal';
import { ambient } from './ambient-deadline.ts';
import { contextOf, type CallContext } from './call-context.ts';
import { DeadlineExceededError } from './errors.ts';
import type { ExecuteOptions, Work } from './policy.ts';
import { runWithin } from './run-within.ts';

export interface DeadlineOptions extends Omit<ExecuteOptions, 'deadline' | 'attempt'> {
  readonly clock?: Clock | undefined;
}

const NAMES: OptionNames<DeadlineOptions> = {
  signal: true,
  key: true,
  idempotent: true,
  clock: true,
};
/** A context fits as options, as it is and as a copy: these are its names. */
const NAMES_OF_CONTEXT: OptionNames<Omit<CallContext, 'remainingMs' | 'derive'>> = {
  signal: true,
  key: true,
  idempotent: true,
  clock: true,
  attempt: true,
  deadline: true,
  source: true,
  trackers: true,
};

const scopes: { storage?: AsyncLocalStorage<number> } = {};

/**
 * Runs `fn` with a deadline `ms` milliseconds from now, at least 0, that holds for every policy that is called inside,
 * however deep, without being handed on. An inner deadline can only be earlier. Then rejects with `DEADLINE_EXCEEDED`
 * and aborts `context.signal`. The scope follows the asynchronous call (`AsyncLocalStorage`, Node.js manual).
 *
 * @throws {TypeError | RangeError} at once, when an argument is wrong.
 */
export function withDeadline<T>(
  ms: number,
  fn: Work<T>,
  options: DeadlineOptions = {},
): Promise<T> {
  requireNumber('ms', ms, { min: 0 });
  requireFunction('fn', fn);
  requireOptions('withDeadline', options, isContext(options) ? NAMES_OF_CONTEXT : NAMES);
  const { clock = systemClock } = options;
  const context = contextOf(options, clock);
  const deadline = Math.min(ambient.deadline(), clock.now() + ms);
  const leftMs = deadline - clock.now();
  if (context.source?.aborted === true) return Promise.reject(context.source.reason);
  if (leftMs <= 0) return Promise.reject(new DeadlineExceededError('withDeadline'));
  return runWithin((inner) => storage().run(deadline, () => fn(inner)), context, {
    ms: leftMs,
    clock,
    expire: () => new DeadlineExceededError('withDeadline'),
  });
}

function isContext(options: DeadlineOptions): boolean {
  return 'trackers' in requireObject('options', options);
}

/** Milliseconds, at least 0, until the deadline of the scope that the caller is in; `Infinity` outside of any. */
export function remaining(clock: Clock = systemClock): number {
  const deadline = ambient.deadline();
  return deadline === Infinity ? Infinity : Math.max(0, deadline - clock.now());
}

function storage(): AsyncLocalStorage<number> {
  if (scopes.storage === undefined) {
    const created = (scopes.storage = new AsyncLocalStorage<number>());
    ambient.deadline = () => created.getStore() ?? Infinity;
    ambient.detached = (fn) => created.run(Infinity, fn);
  }
  return scopes.storage;
}
