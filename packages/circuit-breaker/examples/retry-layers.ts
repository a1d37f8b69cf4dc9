import assert from 'node:assert/strict';
import { retry } from '@holdfast/circuit-breaker';

// Two layers that do not know of each other: three attempts of three would be nine calls.
const client = retry({ name: 'client', backoff: { baseMs: 0 } });
const service = retry({ name: 'service', backoff: { baseMs: 0 } });
const reasons: string[] = [];
client.on('giveUp', ({ reason }) => reasons.push(`client: ${reason}`));
service.on('giveUp', ({ reason }) => reasons.push(`service: ${reason}`));

let calls = 0;
const load = client.guard(async (id: string) => {
  calls += 1;
  return Promise.reject(new Error(`no connection for ${id}`));
});

await assert.rejects(
  service.execute(() => load('a')),
  { message: 'no connection for a' },
);
assert.equal(calls, 3);
assert.deepEqual(reasons, ['client: attempts', 'service: nested']);
