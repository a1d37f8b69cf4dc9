import { createOutbox } from '@holdfast/sync-queue';
import { sqliteOutboxStore } from '@holdfast/sync-queue/sqlite';

/** Enqueues without end, several at a time, and says which edits it was told to be durable. */
export interface WriterMessage {
  readonly durable: string;
  readonly ticket: string;
}

const [path = '', run = ''] = process.argv.slice(2);
const outbox = createOutbox({
  store: sqliteOutboxStore({ path }),
  clientId: 'writer',
  limits: { maxCount: 1_000_000, maxBytes: 2 ** 30 },
  push: () => new Promise(() => undefined),
});
await outbox.start();
await Promise.all(
  Array.from({ length: 8 }, async (_, lane) => {
    for (let index = 0; ; index += 1) {
      const id = `${run}/${lane}/${index}`;
      const doc = { index, text: 'x'.repeat(200) };
      const { id: ticket } = await outbox.enqueue({ kind: 'insert', entity: 'note', id, doc });
      process.stdout.write(`${JSON.stringify({ durable: id, ticket } satisfies WriterMessage)}\n`);
    }
  }),
);
