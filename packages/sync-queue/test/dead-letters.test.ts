import type { DeadFilter, RedriveProgress } from '@holdfast/sync-queue';
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
  const dead = (await queue.dead.list()).letters;
  expect(dead.map(({ value }) => value)).toEqual(['a', 'b', 'c']);

  isDown = false;
  expect(await queue.dead.redrive({ filter: { ids: [dead[1]!.id] } })).toEqual({
    ...{ matched: 1, redriven: 1, full: 0 },
  });
  await clock.advance(1);
  expect(seen).toEqual([['b', 2]]);
  expect(await queue.dead.redrive()).toMatchObject({ redriven: 2 });
  await clock.advance(1);

  expect(seen.slice(1)).toEqual([
    ['a', 2],
    ['c', 2],
  ]);
  expect(await queue.dead.list()).toEqual({ letters: [], next: undefined });
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

  expect(await queue.dead.redrive()).toEqual({ matched: 600, redriven: 600, full: 0 });
  await clock.advance(1);
  expect(await queue.stats()).toMatchObject({ dead: 600 });
  await queue.close();
});

test('dead letters have a budget of their own, and what finds no room there stays in the queue', async () => {
  const { queue, clock } = setUp({ limits: { maxCount: 1, maxBytes: 100 } });
  queue.consume(async ([delivery]) => [{ id: delivery!.id, status: 'dead', reason: 'bad' }]);
  await queue.add('a');
  await clock.advance(1);
  await queue.add('b');
  await clock.advance(1);

  expect(await queue.stats()).toMatchObject({ dead: 1, delayed: 1 });
  expect(queue.snapshot()).toMatchObject({ dead: 1, kept: 1 });
  expect(await queue.dead.purge()).toBe(1);
  await clock.advance(60_000);
  expect(await queue.stats()).toMatchObject({ dead: 1, count: 0 });
  await queue.close();
});

test('a filter with a variable that nobody has set is refused, for it would let all through', async () => {
  const { queue } = setUp();
  const key: string | undefined = undefined;

  for (const method of ['purge', 'redrive', 'list'] as const) {
    const filter = { key } as unknown as DeadFilter;
    await expect(queue.dead[method]({ filter })).rejects.toThrow(
      new TypeError('filter.key is undefined and would let all through: leave it out'),
    );
  }
  await queue.close();
});

test('a filter selects by reason, key, priority and time', async () => {
  const { queue, clock } = setUp();
  await queue.addMany(['a', 'b', 'c'], (value) => ({
    key: value,
    priority: value === 'c' ? 7 : 1,
  }));
  queue.consume(async (batch) =>
    batch.map(({ id, value }) => ({ id, status: 'dead', reason: `because of ${value}` })),
  );
  await clock.advance(1);
  const valuesFor = async (filter: DeadFilter): Promise<unknown[]> =>
    (await queue.dead.list({ filter })).letters.map(({ value }) => value);

  expect(await valuesFor({ reason: 'of b' })).toEqual(['b']);
  expect(await valuesFor({ key: 'a' })).toEqual(['a']);
  expect(await valuesFor({ priority: 7 })).toEqual(['c']);
  expect(await valuesFor({ diedBeforeMs: clock.wallNow() - 1000 })).toEqual([]);
  expect(await valuesFor({ diedAfterMs: clock.wallNow() - 1000, reason: 'of' })).toHaveLength(3);
  expect(await queue.dead.purge({ filter: { key: 'a' }, dryRun: true })).toBe(1);
  expect(await queue.dead.purge({ filter: { key: 'a' } })).toBe(1);
  expect(await queue.dead.redrive({ filter: { key: 'b' }, dryRun: true })).toEqual({
    ...{ matched: 1, redriven: 0, full: 0 },
  });
  expect(await queue.stats()).toMatchObject({ dead: 2, count: 0 });
  await queue.close();
});

/** Four dead letters, with the keys a to d. */
async function setUpFour(): Promise<Pick<ReturnType<typeof setUp>, 'queue' | 'clock'>> {
  const { queue, clock } = setUp({ retry: { maxAttempts: 1 } });
  await queue.addMany(['a', 'b', 'c', 'd'], (key) => ({ key }));
  const consumer = queue.consume(() => Promise.reject(new Error('down')));
  await clock.advance(1);
  await consumer.close();
  return { queue, clock };
}

test('a redrive keeps to its rate, and does not wait behind the last letters', async () => {
  const { queue, clock } = await setUpFour();

  const redriving = queue.dead.redrive({ perSecond: 2 });
  await clock.advance(1);
  expect(await queue.stats()).toMatchObject({ ready: 2, dead: 2 });
  await clock.advance(1000);
  expect(await queue.stats()).toMatchObject({ ready: 4, dead: 0 });
  expect(await redriving).toEqual({ matched: 4, redriven: 4, full: 0 });
  expect(clock.pending()).toBe(0);
  await queue.close();
});

test('a redrive tells how far it is, also when it is aborted, and whatever the listener throws', async () => {
  const { queue, clock } = await setUpFour();
  const stop = new AbortController();
  const told: RedriveProgress[] = [];
  const warned = new Promise((resolve) => process.once('warning', resolve));
  const redriving = queue.dead.redrive({
    perSecond: 1,
    signal: stop.signal,
    onProgress(progress) {
      told.push(progress);
      throw new Error('of the listener');
    },
  });
  const ended = expect(redriving).rejects.toBe('enough');
  await clock.advance(1000);
  stop.abort('enough');
  await ended;

  const one = { matched: 1, redriven: 1, full: 0, looked: 1, total: 4 };
  expect(told).toEqual([one, { matched: 2, redriven: 2, full: 0, looked: 2, total: 4 }]);
  expect(await queue.stats()).toMatchObject({ ready: 2, dead: 2 });
  await warned;
  await queue.close();
});

test('a redrive tells how far it is where nothing matches, and can be aborted there', async () => {
  const { queue } = await setUpFour();
  const stop = new AbortController();
  const told: RedriveProgress[] = [];
  const filter = { reason: 'of another kind' };
  await queue.dead.redrive({ filter, onProgress: (progress) => told.push(progress) });
  stop.abort('enough');

  expect(told).toEqual([{ matched: 0, redriven: 0, full: 0, looked: 4, total: 4 }]);
  await expect(queue.dead.redrive({ filter, signal: stop.signal })).rejects.toBe('enough');
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

test('the payload of a dead letter is a plain Uint8Array', async () => {
  const { queue, clock } = setUp();
  await queue.add('a');
  queue.consume(async ([item]) => [{ id: item!.id, status: 'dead', reason: 'r' }]);
  await clock.advance(10);

  const { letters } = await queue.dead.list();
  expect(Object.getPrototypeOf(letters[0]?.payload)).toBe(Uint8Array.prototype);
  await queue.close();
});
