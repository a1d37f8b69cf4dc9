import assert from 'node:assert/strict';
import { createOutbox, createReceiver, memoryOutboxStore } from '@holdfast/sync-queue';
import { memoryReceiptStore, resolvers } from '@holdfast/sync-queue';

const server = memoryReceiptStore();
const receiver = createReceiver({
  store: server,
  async apply(op, { tx }) {
    if (op.kind === 'insert') tx.set(op.id, op.doc);
    return Promise.resolve({ status: 'applied' });
  },
});

let isOnline = false;
const outbox = createOutbox({
  store: memoryOutboxStore(), // sqliteOutboxStore({ path }) keeps edits over a restart
  clientId: 'tablet-7',
  limits: { maxCount: 100_000, maxBytes: 64 * 1024 * 1024 },
  conflict: { log: resolvers.merge({ minutes: 'sum', tags: 'union' }, { otherwise: 'lww' }) },
  push: async (request) => {
    if (!isOnline) throw new Error('no network');
    return receiver.receive(request); // over HTTP: POST it as JSON, resolve with the parsed answer
  },
});

const ticket = await outbox.enqueue({
  kind: 'insert',
  entity: 'log',
  id: 'a',
  doc: { minutes: 5 },
});
await outbox.enqueue({ kind: 'patch', entity: 'log', id: 'a', set: { minutes: 10 } });
assert.deepEqual(await outbox.overlay('log', 'a'), { minutes: 10 });

isOnline = true;
await outbox.sync(); // start() does so by itself from then on
assert.equal((await ticket.settled).status, 'applied');
assert.deepEqual(server.values.get('a'), { minutes: 10 });
await outbox.close();
