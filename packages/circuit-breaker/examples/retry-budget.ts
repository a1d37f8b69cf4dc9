import assert from 'node:assert/strict';
import { retry, retryBudget } from '@holdfast/circuit-breaker';

// One for everything that calls the same dependency: retries add at most a tenth to its load.
const budget = retryBudget({ ratio: 0.1, minPerSecond: 0 });
const reads = retry({ name: 'reads', backoff: { baseMs: 0 }, budget });
const writes = retry({ name: 'writes', backoff: { baseMs: 0 }, budget });

let calls = 0;
const down = () => {
  calls += 1;
  throw new Error('down');
};
for (let n = 0; n < 50; n += 1) {
  await reads.tryExecute(down);
  await writes.tryExecute(down);
}

// 100 calls that all fail. With three attempts each they would be 300.
assert.equal(calls, 110);
assert.equal(budget.balance, 0);
