import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createQueue, type Outcome } from '@holdfast/sync-queue';
import { sqliteStore } from '@holdfast/sync-queue/sqlite';
import { expect, test } from 'vitest';
import { setUp } from './set-up.ts';

const REVOKED = Proxy.revocable<unknown[]>([], {});
REVOKED.revoke();

// An unhandled rejection in any of these ends the test run with a failure.
test.each<[string, () => Promise<unknown>]>([
  ['an object without a prototype', () => Promise.reject(Object.create(null) as Error)],
  [
    'an error whose message is an object',
    () => Promise.reject(Object.assign(new Error('x'), { message: { detail: 1 } })),
  ],
  ['a hole in the array', () => Promise.resolve(new Array(1))],
  ['an outcome that cannot be read', () => Promise.resolve([REVOKED.proxy])],
  ['an array that cannot be read', () => Promise.resolve(REVOKED.proxy)],
])('a handler that ends with %s has its batch retried, then buried', async (_name, end) => {
  const { queue, clock, events } = setUp({ retry: { maxAttempts: 2, baseMs: 10 } });
  await queue.add('a');

  queue.consume(end as () => Promise<readonly Outcome[]>);
  await clock.advance(100);

  expect(queue.snapshot()).toMatchObject({ delivered: 2, retried: 1, dead: 1, inFlight: 0 });
  expect(events).toMatchObject([['dead', { attempt: 2 }]]);
  await queue.close();
});

test('a store and a guard may fail with anything', async () => {
  const { queue, clock, store } = setUp({
    guard: { execute: () => Promise.reject(Object.create(null) as Error) },
  });
  queue.consume(async () => undefined);

  await expect(queue.add('a')).rejects.toMatchObject({ code: 'STORE_FAILED' });
  await clock.advance(10);

  expect(store.calls).toEqual([]);
  await queue.close();
});

test('a reason that is no string is kept as text by a store that takes only text', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sync-queue-'));
  const store = sqliteStore({ path: join(folder, 'q.db') });
  const limits = { maxCount: 10, maxBytes: 1000 };
  const queue = createQueue<string>({ name: 'q', store, limits, overflow: 'reject' });
  await queue.addMany(['a', 'b']);
  const reasons: unknown[] = [true, new Error('boom\u0000')];

  const died = new Promise<void>((resolve) => {
    let deaths = 0;
    queue.on('dead', () => ((deaths += 1) === 2 ? resolve() : undefined));
  });
  queue.consume(async (batch) =>
    batch.map(({ id }, index) => ({ id, status: 'dead', reason: reasons[index] as string })),
  );
  await died;

  expect((await queue.dead.list()).letters.map(({ reason }) => reason)).toEqual([
    'true',
    'boom\ufffd',
  ]);
  await queue.close();
  rmSync(folder, { recursive: true });
});
