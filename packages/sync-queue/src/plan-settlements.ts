import type { Backoff } from '@holdfast/internal';
import type { Outcome } from './queue.ts';
import type { ClaimedItem, Settlement } from './store.ts';
import { textOf } from './text-of.ts';

export type HandlerResult =
  /** What the handler gave is not known to be outcomes. */
  | { readonly status: 'resolved'; readonly outcomes: readonly unknown[] | undefined }
  | { readonly status: 'rejected'; readonly error: unknown };

export interface RetryPolicy {
  readonly maxAttempts: number;
  readonly backoff: Backoff;
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
  if (outcomes === undefined)
    return items.map(({ id, attempt }) => ({ id, attempt, status: 'ack' }));
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
      return { id, attempt, status: 'ack' };
    case 'dead':
      return { id, attempt, status: 'dead', reason: textOf(outcome.reason) };
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

function isOutcome(value: unknown): value is Outcome {
  if (typeof value !== 'object' || value === null) return false;
  const { id, status } = value as { readonly id?: unknown; readonly status?: unknown };
  return typeof id === 'string' && (status === 'ack' || status === 'retry' || status === 'dead');
}

function retryOrDie(
  { id, attempt, tries }: ClaimedItem,
  { maxAttempts, backoff }: RetryPolicy,
  { error, afterMs }: { readonly error?: unknown; readonly afterMs?: number | undefined },
): Settlement {
  if (tries >= maxAttempts) {
    const reason = `${tries} attempts failed${error === undefined ? '' : `, last: ${textOf(error)}`}`;
    return { id, attempt, status: 'dead', reason };
  }
  const isUsable = afterMs !== undefined && Number.isFinite(afterMs) && afterMs >= 0;
  return { id, attempt, status: 'retry', delayMs: isUsable ? afterMs : backoff(tries, 0) };
}
