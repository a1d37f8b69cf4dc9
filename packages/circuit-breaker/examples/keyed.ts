import assert from 'node:assert/strict';
import { circuitBreaker, consecutive, keyed } from '@holdfast/circuit-breaker';

// One circuit for each host: a host that is down takes no other with it.
const hosts = keyed({
  create: (host) => circuitBreaker({ name: host, trip: consecutive(2) }),
  maxKeys: 1_000,
});
const get = (host: string) =>
  hosts.tryExecute(
    () => (host === 'b.example' ? Promise.reject(new Error('down')) : Promise.resolve('page')),
    { key: host },
  );

for (let n = 0; n < 3; n += 1) await get('b.example');

assert.equal(hosts.for('b.example').state, 'open');
assert.equal((await get('a.example')).value, 'page');
assert.deepEqual(hosts.keys(), ['b.example', 'a.example']);
