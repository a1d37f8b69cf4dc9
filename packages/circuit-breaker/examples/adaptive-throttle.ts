import assert from 'node:assert/strict';
import { adaptiveThrottle, isHoldfastError } from '@holdfast/circuit-breaker';

const search = adaptiveThrottle({ name: 'search', windowMs: 60_000 });

// The service refuses everything. Soon most calls do not even leave this process.
let sent = 0;
let kept = 0;
for (let n = 0; n < 1_000; n += 1) {
  const outcome = await search.tryExecute(() => {
    sent += 1;
    throw new Error('overloaded');
  });
  if (isHoldfastError(outcome.error, 'THROTTLED')) kept += 1;
}

assert.equal(sent + kept, 1_000);
assert.ok(kept > 700, `${kept} of 1 000 calls were kept from an overloaded service`);
