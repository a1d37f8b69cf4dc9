import type { Budget, EnqueueReply, EnqueueVerdict } from './store.ts';

/** An item found no room, and what was in its way. */
export type FullVerdict = { readonly status: 'full' } & (
  | { readonly by: 'store'; readonly held: Held }
  /** A held item would grow by too many bytes. */
  | { readonly by: 'growth'; readonly held: Held; readonly itemBytes: number }
  /** Too many adds await their answer. */
  | { readonly by: 'pending' }
  /** Neither the queue nor its spill had room. */
  | { readonly by: 'spill' }
);

/** What became of an item, as the producer knows it. */
export type AddVerdict = Exclude<EnqueueVerdict, { readonly status: 'full' }> | FullVerdict;

/** With what was in the way of an item of `itemBytes` that found no room. */
export function told(
  verdict: EnqueueVerdict,
  { count, bytes }: Pick<EnqueueReply, 'count' | 'bytes'>,
  itemBytes: number,
): AddVerdict {
  if (verdict.status !== 'full') return verdict;
  const held = { count, bytes };
  return verdict.isReplacing === true
    ? { status: 'full', by: 'growth', held, itemBytes }
    : { status: 'full', by: 'store', held };
}

/** What the queue held after the call. */
interface Held {
  readonly count: number;
  readonly bytes: number;
}

export interface WhyFull {
  /** Undefined: a share of it that one shard has, or what has changed meanwhile. */
  readonly limit: 'maxCount' | 'maxBytes' | 'maxPendingAdds' | 'spill' | undefined;
  readonly text: string;
}

export function whyFull(
  verdict: FullVerdict,
  itemBytes: number,
  bounds: {
    readonly limits: Budget;
    readonly spill: Budget | undefined;
    readonly maxPendingAdds: number;
  },
): WhyFull {
  switch (verdict.by) {
    case 'store':
      return whyStoreFull(verdict.held, itemBytes, bounds.limits);
    case 'growth': {
      const { held, itemBytes: grown } = verdict;
      const size = `${held.bytes} of ${bounds.limits.maxBytes} bytes`;
      return { limit: 'maxBytes', text: `it holds ${size}, and the item would grow to ${grown}` };
    }
    case 'pending': {
      const text = `${bounds.maxPendingAdds} adds await their answer, as many as maxPendingAdds`;
      return { limit: 'maxPendingAdds', text };
    }
    case 'spill': {
      const { maxCount, maxBytes } = bounds.spill ?? bounds.limits;
      const text = `its spill is full (maxCount ${maxCount}, maxBytes ${maxBytes})`;
      return { limit: 'spill', text };
    }
    default: {
      const impossible: never = verdict;
      return impossible;
    }
  }
}

function whyStoreFull({ count, bytes }: Held, itemBytes: number, limits: Budget): WhyFull {
  const { maxCount, maxBytes } = limits;
  const items = `it holds ${count} of ${maxCount} items`;
  const size = `${bytes} of ${maxBytes} bytes, and the item has ${itemBytes}`;
  if (count >= maxCount) return { limit: 'maxCount', text: items };
  if (bytes + itemBytes > maxBytes) return { limit: 'maxBytes', text: `it holds ${size}` };
  return { limit: undefined, text: `${items} and ${size}` };
}
