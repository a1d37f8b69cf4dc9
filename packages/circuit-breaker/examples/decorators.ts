import assert from 'node:assert/strict';
import {
  Break,
  consecutive,
  Guarded,
  rateLimiter,
  Retry,
  Timeout,
} from '@holdfast/circuit-breaker';

const limiter = rateLimiter({ permits: 100, perMs: 1_000 });

class Warehouse {
  readonly #stock = new Map([['bolt', 12]]);
  #calls = 0;

  // The first one is the outermost: each attempt takes a permit and has a second.
  @Retry({ attempts: 3, backoff: { baseMs: 5 } })
  @Guarded(limiter)
  @Timeout(1_000)
  async count(part: string): Promise<number> {
    this.#calls += 1;
    if (this.#calls === 1) throw new Error('connection reset');
    return Promise.resolve(this.#stock.get(part) ?? 0);
  }

  @Break({ name: 'orders', trip: consecutive(1) })
  order(part: string): Promise<number> {
    return Promise.reject(new Error(`no connection for ${part}`));
  }
}

assert.equal(await new Warehouse().count('bolt'), 12);
assert.equal(limiter.snapshot().counters.calls, 2);

// All instances share the policy of a method.
await assert.rejects(new Warehouse().order('bolt'), { message: 'no connection for bolt' });
await assert.rejects(new Warehouse().order('nut'), { code: 'CIRCUIT_OPEN', policy: 'orders' });
