import assert from 'node:assert/strict';
import { remaining, retry, withDeadline } from '@holdfast/circuit-breaker';

const accounts = retry({ attempts: 10, backoff: { baseMs: 5_000, jitter: 'none' } });
const reasons: string[] = [];
accounts.on('giveUp', ({ reason }) => reasons.push(reason));

// One second for all that is called in it; nothing has to be handed on.
await assert.rejects(
  withDeadline(1_000, () => handleRequest()),
  { message: 'down' },
);
assert.deepEqual(reasons, ['deadline']); // the first wait would have ended too late
assert.equal(remaining(), Infinity); // outside of any

// Or for one call: a moment on the monotonic clock.
await assert.rejects(
  accounts.execute(() => new Promise(() => undefined), { deadline: performance.now() + 20 }),
  { code: 'DEADLINE_EXCEEDED' },
);

function handleRequest(): Promise<string> {
  assert.ok(remaining() <= 1_000);
  return accounts.execute((context) => {
    assert.ok(context.remainingMs() <= 1_000);
    return Promise.reject(new Error('down'));
  });
}
