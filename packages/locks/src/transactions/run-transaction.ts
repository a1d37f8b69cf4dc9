import { requireFunction, throwIfAborted } from '@holdfast/internal';
import { beginStatement } from './begin-statement.ts';
import type { Frame } from './frame.ts';
import { ISOLATIONS, type ResolvedTransactionOptions } from '../options.ts';
import { runAttempts, type Attempts } from './run-attempts.ts';
import { runOnce, type Plan, type RunDeps } from './run-once.ts';
import {
  TransactionLostError,
  TransactionNestedError,
  TransactionTooWeakError,
} from './transaction-errors.ts';

const LABEL = 'the transaction';

/** Runs `fn` in a transaction of its own, or as a part of the one that the caller is in. */
export function runTransaction<T>(
  fn: (tx: Frame) => Promise<T>,
  options: ResolvedTransactionOptions,
  deps: RunDeps &
    Pick<Attempts, 'random'> & { readonly onRetry: (label: string) => Attempts['onRetry'] },
): Promise<T> {
  requireFunction('fn', fn);
  const outer = deps.holdings.frame;
  if (outer !== undefined) return runNested(fn, outer, options);
  const { retry, signal } = options;
  const { clock, random, onRetry } = deps;
  const attempts = { label: LABEL, retry, signal, clock, random, onRetry: onRetry(LABEL) };
  const plan = planOf(options);
  return runAttempts((attempt) => runOnce(fn, plan, attempt, deps), attempts);
}

function planOf(options: ResolvedTransactionOptions): Plan {
  const { isolation, isReadOnly, ambiguous, totalMs, signal } = options;
  const begin = beginStatement(options);
  return {
    ...{ label: LABEL, isolation, isReadOnly, ambiguous, totalMs, signal, keys: [] },
    lostError: (cause) => new TransactionLostError(cause),
    open: (connection) => connection.query(begin),
    release: undefined,
    onOpen: () => undefined,
    onOver: () => undefined,
  };
}

/** The outermost alone is tried again: what a snapshot has shown once it shows every time. */
async function runNested<T>(
  fn: (tx: Frame) => Promise<T>,
  outer: Frame,
  options: ResolvedTransactionOptions,
): Promise<T> {
  const { nested, signal } = options;
  if (nested === 'forbid') throw new TransactionNestedError();
  requireStrength(outer, options);
  throwIfAborted(signal);
  return nested === 'join' ? fn(outer) : outer.savepoint(fn, signal);
}

/** A savepoint has neither a snapshot nor a mode nor bounds of its own. */
function requireStrength({ context }: Frame, options: ResolvedTransactionOptions): void {
  const { isolation, isReadOnly } = options;
  if (ISOLATIONS.indexOf(isolation) > ISOLATIONS.indexOf(context.isolation)) {
    throw new TransactionTooWeakError(context.isolation, isolation);
  }
  if (context.isReadOnly !== isReadOnly) {
    throw new TransactionTooWeakError(modeOf(context.isReadOnly), modeOf(isReadOnly));
  }
  const { lockMs, statementMs, idleMs, totalMs } = options;
  if ([lockMs, statementMs, idleMs, totalMs].some((ms) => ms !== undefined)) {
    throw new TransactionTooWeakError('open already', 'bounded by timeouts');
  }
}

function modeOf(isReadOnly: boolean): string {
  return isReadOnly ? 'read only' : 'read write';
}
