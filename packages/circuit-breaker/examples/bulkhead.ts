import assert from 'node:assert/strict';
import { bulkhead } from '@holdfast/circuit-breaker';

// Two reports at once; two more callers may wait, each for up to five seconds.
const reports = bulkhead({ name: 'reports', limit: 2, queue: 2, queueWaitMs: 5_000 });

const finish: (() => void)[] = [];
const render = () => reports.execute(() => new Promise<void>((done) => finish.push(done)));

const accepted = [render(), render(), render(), render()];
await assert.rejects(render(), { code: 'BULKHEAD_FULL', limit: 2, queued: 2 });

assert.equal(finish.length, 2);
while (reports.snapshot().gauges.held > 0) {
  finish.splice(0).forEach((done) => done());
  await new Promise((resolve) => setImmediate(resolve));
}
await Promise.all(accepted);
assert.equal(reports.snapshot().counters.succeeded, 4);
