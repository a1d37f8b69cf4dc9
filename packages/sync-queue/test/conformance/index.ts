import { describe } from 'vitest';
import { describeBounds } from './bounds.ts';
import { describeControl } from './control.ts';
import { describeDeadLetters } from './dead-letters.ts';
import { describeItems } from './items.ts';
import { describeKeys } from './keys.ts';
import type { CreateFixture } from './kit.ts';
import { describeLeases } from './leases.ts';
import { describeOrder } from './order.ts';
import {
  describeCoalescing,
  describeEviction,
  describeIdempotency,
  describeSampling,
} from './producing.ts';

/** What every store must do: one body, run by each. */
export function describeStore(name: string, create: CreateFixture): void {
  describe(`${name} store`, () => {
    describeItems(create);
    describeBounds(create);
    describeOrder(create);
    describeLeases(create);
    describeKeys(create);
    describeDeadLetters(create);
    describeIdempotency(create);
    describeCoalescing(create);
    describeEviction(create);
    describeSampling(create);
    describeControl(create);
  });
}
