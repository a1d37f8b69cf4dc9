import assert from 'node:assert/strict';
import { fallback } from '@holdfast/circuit-breaker';

const errors: string[] = [];

// In order: another service, then a plain value. The type of `prices.execute` says that it may be either.
const prices = fallback(
  (error) => {
    errors.push((error as Error).message);
    return askOtherService();
  },
  { cents: 0, isEstimate: true },
);

const price = await prices.execute(() => askService());

assert.deepEqual(price, { cents: 0, isEstimate: true });
assert.deepEqual(errors, ['connection refused']);

function askService(): Promise<{ cents: number }> {
  return Promise.reject(new Error('connection refused'));
}

function askOtherService(): Promise<{ cents: number }> {
  return Promise.reject(new Error('not here either'));
}
