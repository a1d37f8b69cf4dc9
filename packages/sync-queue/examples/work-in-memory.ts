import assert from 'node:assert/strict';
import { createQueue, memoryStore } from '@holdfast/sync-queue';

const queue = createQueue<{ readonly to: string }>({
  name: 'mails',
  store: memoryStore(),
  limits: { maxCount: 10_000, maxBytes: 16 * 1024 * 1024 },
  overflow: { waitMs: 5_000 },
});

const sent: string[] = [];
const consumer = queue.consume(async (batch) => {
  for (const { value } of batch) sent.push(value.to);
  return Promise.resolve();
});

await queue.add({ to: 'ada@example.org' });
await queue.addMany([{ to: 'grace@example.org' }, { to: 'edsger@example.org' }]);
while (sent.length < 3) await new Promise((resolve) => setImmediate(resolve));

await consumer.close();
assert.deepEqual(sent, ['ada@example.org', 'grace@example.org', 'edsger@example.org']);
assert.equal((await queue.stats()).ready, 0);
await queue.close();
