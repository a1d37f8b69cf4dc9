import assert from 'node:assert/strict';
import { consecutive } from '@holdfast/circuit-breaker';
import { memoryBreakerStore, sharedCircuitBreaker } from '@holdfast/circuit-breaker/redis';

// Three members, which would be three processes with a `redisBreakerStore`.
const store = memoryBreakerStore();
const join = (member: string) =>
  sharedCircuitBreaker({ name: 'billing', member, store, trip: consecutive(1) });
const members = ['a', 'b', 'c'].map(join);
await Promise.all(members.map((breaker) => breaker.ready()));
const [a, b, c] = members;
assert.ok(a && b && c);
const down = () => Promise.reject(new Error('down'));
const opened = new Promise<void>((resolve) => {
  b.on('transition', ({ to }) => to === 'open' && resolve());
});

// One of three is no majority: it may be that only its own network is ill.
await assert.rejects(a.execute(down), { message: 'down' });
assert.equal(await c.execute(() => 'fine'), 'fine');
assert.equal(a.state, 'closed');

// Two are. Now the circuit is open for all, also for who has seen nothing yet.
await assert.rejects(b.execute(down), { message: 'down' });
await opened;
const { state, opens } = await store.read('billing');
assert.deepEqual({ state, opens }, { state: 'open', opens: 1 });

await Promise.all(members.map((breaker) => breaker.close()));
