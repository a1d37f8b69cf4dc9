import { expect, test } from 'vitest';
import { setUp } from './set-up.ts';

test('redrives all dead letters, or some, with fresh attempts', async () => {
  const { queue, clock } = setUp({ retry: { maxAttempts: 1 } });
  let isDown = true;
  const seen: [string, number][] = [];
  await queue.addMany(['a', 'b', 'c']);
  queue.consume(async (batch) => {
    if (isDown) throw new Error('down');
    seen.push(...batch.map(({ value, attempt }): [string, number] => [value, attempt]));
  });
  await clock.advance(1);
  const dead = await queue.dead.list();
  expect(dead.map(({ value }) => value)).toEqual(['a', 'b', 'c']);

  isDown = false;
  expect(await queue.dead.redrive({ ids: [dead[1]!.id] })).toBe(1);
  await clock.advance(1);
  expect(seen).toEqual([['b', 2]]);
  expect(await queue.dead.redrive()).toBe(2);
  await clock.advance(1);

  expect(seen.slice(1)).toEqual([
    ['a', 2],
    ['c', 2],
  ]);
  expect(await queue.dead.list()).toEqual([]);
  await queue.close();
});

test('a redrive of items that die again at once comes to an end', async () => {
  const { queue, clock } = setUp({
    retry: { maxAttempts: 1 },
    limits: { maxCount: 1000, maxBytes: 100_000 },
  });
  await queue.addMany(Array.from({ length: 600 }, (_, index) => String(index)));
  queue.consume(async () => {
    throw new Error('down');
  });
  await clock.advance(1);

  expect(await queue.dead.redrive()).toBe(600);
  await clock.advance(1);
  expect(await queue.stats()).toMatchObject({ dead: 600 });
  await queue.close();
});

test('dead letters count within the limits, and purging makes room', async () => {
  const { queue, clock } = setUp({ limits: { maxCount: 1, maxBytes: 100 } });
  await queue.add('a');
  queue.consume(async ([delivery]) => [{ id: delivery!.id, status: 'dead', reason: 'bad' }]);
  await clock.advance(1);

  await expect(queue.add('b')).rejects.toMatchObject({ code: 'QUEUE_FULL' });
  expect(await queue.dead.purge()).toBe(1);
  await queue.add('b');
  await queue.close();
});

test('list checks its limit', async () => {
  const { queue } = setUp();

  await expect(queue.dead.list({ limit: 0 })).rejects.toThrow(
    'limit must be an integer from 1 to 1000, got 0',
  );
  await queue.close();
  await expect(queue.dead.list()).rejects.toMatchObject({ code: 'QUEUE_CLOSED' });
});
