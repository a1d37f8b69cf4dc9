import assert from 'node:assert/strict';
import { retry } from '@holdfast/circuit-breaker';

class Failed extends Error {
  readonly code: string;
  constructor(code: string) {
    super(code);
    this.code = code;
  }
}
const orders = retry({
  attempts: 4,
  backoff: { baseMs: 5, capMs: 1_000 },
  // A connection that was refused has done nothing; one that broke may have.
  classify: ({ error }) =>
    error instanceof Failed && error.code === 'ECONNRESET' ? { applied: 'maybe' } : undefined,
});
const gaveUp: string[] = [];
orders.on('giveUp', ({ reason, attempts }) => gaveUp.push(`${reason} after ${attempts}`));

// Nothing was done before, so any call is repeated.
await orders.execute(({ attempt }) => place(attempt <= 2 ? 'ECONNREFUSED' : 'placed'));

// The answer was lost. The order may have been placed, so the error is for the caller to resolve.
await assert.rejects(
  orders.execute(() => place('ECONNRESET')),
  { code: 'ECONNRESET' },
);
assert.deepEqual(gaveUp, ['ambiguous after 1']);

// Unless the caller says that doing it twice does no harm.
const twice = ({ attempt }: { attempt: number }) => place(attempt === 1 ? 'ECONNRESET' : 'placed');
assert.equal(await orders.execute(twice, { idempotent: true }), 'placed');
assert.equal(orders.snapshot().counters.retries, 3);

/** Stands for a call over the network. */
function place(result: string): Promise<string> {
  return result === 'placed' ? Promise.resolve(result) : Promise.reject(new Failed(result));
}
