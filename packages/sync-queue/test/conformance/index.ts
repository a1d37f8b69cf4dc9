import { describe } from 'vitest';
import { describeBounds } from './bounds.ts';
import { describeConsumers } from './consumers.ts';
import { describeControl } from './control.ts';
import { describeDeadLetters } from './dead-letters.ts';
import { describeItems } from './items.ts';
import { describeKeys } from './keys.ts';
import { WHOLE, type CreateFixture, type StoreTraits } from './kit.ts';
import { describeLeases } from './leases.ts';
import { describeOrder } from './order.ts';
import {
  describeCoalescing,
  describeEviction,
  describeIdempotency,
  describeSampling,
} from './producing.ts';

/** What every store must do: one body, run by each; what its `traits` exclude is shown as skipped. */
export function describeStore(
  name: string,
  create: CreateFixture,
  traits: StoreTraits = WHOLE,
): void {
  describe(`${name} store`, () => {
    describeItems(create, traits);
    describeBounds(create, traits);
    describeOrder(create, traits);
    describeLeases(create);
    describeKeys(create, traits);
    describeDeadLetters(create, traits);
    describeIdempotency(create, traits);
    describeCoalescing(create, traits);
    describeEviction(create, traits);
    describeSampling(create, traits);
    describeControl(create, traits);
    describeConsumers(create, traits);
  });
}
