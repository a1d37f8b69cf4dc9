import { systemClock } from '@holdfast/internal';
import { createOutbox } from '@holdfast/sync-queue';
import { sqliteOutboxStore } from '@holdfast/sync-queue/sqlite';

/**
 * Enqueues without end, several at a time, and says which edits it was told to be durable. Arguments: the file, a name for
 * the run, and by how many milliseconds the wall clock is set back.
 */
export interface WriterMessage {
  readonly durable: string;
  readonly ticket: string;
}

const [path = '', run = '', setBackMs = '0'] = process.argv.slice(2);
const outbox = createOutbox({
  store: sqliteOutboxStore({ path }),
  clientId: 'writer',
  limits: { maxCount: 1_000_000, maxBytes: 2 ** 30 },
  push: () => new Promise(() => undefined),
  clock: { ...systemClock, wallNow: () => systemClock.wallNow() - Number(setBackMs) },
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
