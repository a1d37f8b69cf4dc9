import assert from 'node:assert/strict';
import { circuitBreaker } from '@holdfast/circuit-breaker';

const breaker = circuitBreaker({ name: 'warehouse' });
const transitions: string[] = [];
breaker.on('transition', ({ from, to }) => transitions.push(`${from} -> ${to}`));

const release = breaker.isolate(); // for example while the warehouse is being migrated
await assert.rejects(
  breaker.execute(() => 'never called'),
  { code: 'CIRCUIT_ISOLATED' },
);
release();

assert.equal(await breaker.execute(() => 'called'), 'called');
assert.deepEqual(transitions, ['closed -> isolated', 'isolated -> closed']);
