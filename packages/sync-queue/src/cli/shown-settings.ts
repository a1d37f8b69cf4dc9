import type { Overflow, SampleOptions } from '../queue-options.ts';
import type { QueueSettings, StoreOverflow } from '../store.ts';

/** The settings of a queue by the names of the options that they come from. */
export interface ShownSettings extends Pick<
  QueueSettings,
  'limits' | 'dead' | 'idempotency' | 'rate'
> {
  readonly retry: { readonly maxAttempts: number };
  readonly order: Pick<QueueSettings, 'agingMs' | 'keyConcurrency' | 'onPoison'>;
  /** What the store does; waiting and spilling are each producer's. */
  readonly overflow: Overflow;
}

export function shownSettings(settings: QueueSettings): ShownSettings {
  const { maxTries, agingMs, keyConcurrency, onPoison, overflow, ...rest } = settings;
  return {
    ...rest,
    retry: { maxAttempts: maxTries },
    order: { agingMs, keyConcurrency, onPoison },
    overflow: shownOverflow(overflow),
  };
}

/** For a line of text. */
export function overflowText(overflow: Overflow): string {
  if (typeof overflow === 'string') return overflow;
  if ('evict' in overflow) return `evict ${overflow.evict}`;
  return 'sample' in overflow ? 'sample' : 'reject';
}

function shownOverflow(overflow: StoreOverflow): Overflow {
  switch (overflow.kind) {
    case 'refuse':
      return 'reject';
    case 'evict':
      return { evict: overflow.victims, to: overflow.to };
    case 'sample': {
      const { above, minPriority, floor } = overflow;
      const sample: SampleOptions = { above, minPriority, floor };
      return { sample };
    }
    default: {
      const impossible: never = overflow;
      return impossible;
    }
  }
}
