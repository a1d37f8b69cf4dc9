import type { Backoff } from '@holdfast/internal';
import type { Outcome } from './consuming.ts';
import { countOf } from './count-of.ts';
import type { RetryBudget } from './retry-budget.ts';
import type { ClaimedItem, Settlement } from './store.ts';
import { textOf } from './text-of.ts';

export type HandlerResult =
  /** What the handler gave is not known to be outcomes. */
  | { readonly status: 'resolved'; readonly outcomes: readonly unknown[] | undefined }
  | { readonly status: 'rejected'; readonly error: unknown };

export interface RetryPolicy {
  readonly maxAttempts: number;
  readonly backoff: Backoff;
  /** Delay of a retry for which the budget has nothing left. */
  readonly capMs: number;
  readonly budget: RetryBudget | undefined;
}

/** What to tell the store about each item that a handler has worked on. */
export function planSettlements(
  items: readonly ClaimedItem[],
  result: HandlerResult,
  policy: RetryPolicy,
): Settlement[] {
  if (result.status === 'rejected') {
    return items.map((item) => retryOrDie(item, policy, { error: result.error }));
  }
  const { outcomes } = result;
  if (outcomes === undefined) return items.map((item) => ack(item, policy));
  const byId = new Map(
    Array.from(outcomes)
      .filter(isOutcome)
      .map((outcome) => [outcome.id, outcome]),
  );
  return items.map((item) => settlementOf(item, byId.get(item.id), policy));
}

function settlementOf(
  item: ClaimedItem,
  outcome: Outcome | undefined,
  policy: RetryPolicy,
): Settlement {
  const { id, attempt } = item;
  switch (outcome?.status) {
    case 'ack':
      return ack(item, policy);
    case 'dead':
      return { id, attempt, status: 'dead', reason: reasonOf(outcome) };
    case 'release':
      return { id, attempt, status: 'release' };
    case 'retry':
      return retryOrDie(item, policy, outcome);
    case undefined:
      // Left out or unreadable: not known to be done, so it is not.
      return retryOrDie(item, policy, { error: 'the handler did not say what became of it' });
    default: {
      const impossible: never = outcome;
      return impossible;
    }
  }
}

/** Not every handler is checked by a compiler. */
function reasonOf({ reason }: { readonly reason?: unknown }): string {
  return reason === undefined || reason === '' ? 'the handler gave no reason' : textOf(reason);
}

function ack({ id, attempt }: ClaimedItem, { budget }: RetryPolicy): Settlement {
  budget?.succeed();
  return { id, attempt, status: 'ack' };
}

const STATUSES: ReadonlySet<unknown> = new Set<Outcome['status']>([
  ...(['ack', 'retry', 'dead', 'release'] as const),
]);

function isOutcome(value: unknown): value is Outcome {
  if (typeof value !== 'object' || value === null) return false;
  const { id, status } = value as { readonly id?: unknown; readonly status?: unknown };
  return typeof id === 'string' && STATUSES.has(status);
}

function retryOrDie(
  { id, attempt, tries }: ClaimedItem,
  { maxAttempts, backoff, capMs, budget }: RetryPolicy,
  { error, afterMs }: { readonly error?: unknown; readonly afterMs?: number | undefined },
): Settlement {
  if (tries >= maxAttempts) {
    const reason = `${countOf(tries, 'attempt')} failed${error === undefined ? '' : `, last: ${textOf(error)}`}`;
    return { id, attempt, status: 'dead', reason };
  }
  const wantedMs = delayOf(afterMs) ?? delayOf(retryAfterOf(error));
  const hasBudget = budget?.spend() ?? true;
  return {
    id,
    attempt,
    status: 'retry',
    delayMs: wantedMs ?? (hasBudget ? backoff(tries, 0) : capMs),
  };
}

/** An error may say when to come back, as that of an open circuit or of an answer 429 does. */
function retryAfterOf(error: unknown): unknown {
  if (typeof error !== 'object' || error === null) return undefined;
  return (error as { readonly retryAfterMs?: unknown }).retryAfterMs;
}

function delayOf(ms: unknown): number | undefined {
  return typeof ms === 'number' && Number.isFinite(ms) && ms >= 0 ? ms : undefined;
}
