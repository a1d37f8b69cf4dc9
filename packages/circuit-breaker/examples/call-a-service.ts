import assert from 'node:assert/strict';
import { circuitBreaker, pipeline, retry, timeout } from '@holdfast/circuit-breaker';

// Outer to inner: each attempt has 500 ms, and the circuit judges each attempt.
const prices = pipeline(
  retry({ attempts: 3, backoff: { baseMs: 20 } }),
  circuitBreaker({ name: 'prices', openMs: 10_000 }),
  timeout({ ms: 500 }),
);

const price = await prices.execute(({ signal, attempt }) => fetchPrice(signal, attempt));

assert.equal(price, 42);

/** Stands for a call over the network whose first attempt fails. */
async function fetchPrice(signal: AbortSignal, attempt: number): Promise<number> {
  signal.throwIfAborted();
  if (attempt === 1) throw new Error('connection reset');
  return Promise.resolve(42);
}
