import { expect, it } from 'vitest';
import { ZoneQueue } from '../src/zone-queue.ts';

function queueAfter(awaited: Set<string>, pushed: string[]): ZoneQueue<unknown> {
  const queue = new ZoneQueue(() => awaited.size > 0);
  for (const id of pushed) push(queue, awaited, id);
  return queue;
}

/** As the lanes do it. */
function push(queue: ZoneQueue<unknown>, awaited: Set<string>, id: string): void {
  if (awaited.delete(id)) queue.pushFirst({ id });
  else queue.push({ id });
}

function takeWhatItGives(queue: ZoneQueue<unknown>): string[] {
  const taken: string[] = [];
  while (queue.hasNext) taken.push(queue.take()!.id);
  return taken;
}

it('gives zones in the order they came when none was deferred', () => {
  const queue = queueAfter(new Set(), ['a', 'b', 'c']);

  expect(takeWhatItGives(queue)).toEqual(['a', 'b', 'c']);
  expect(queue.take()).toBeUndefined();
});

it('gives zones by priority, and those of one priority as they came', () => {
  const queue = new ZoneQueue(() => false);
  queue.push({ id: 'late', priority: 2 });
  queue.push({ id: 'a' });
  queue.push({ id: 'b', priority: 1 });
  queue.push({ id: 'urgent', priority: 0 });

  expect(takeWhatItGives(queue)).toEqual(['urgent', 'a', 'b', 'late']);
});

it('gives deferred zones first and holds the others back until all deferred ones have come', () => {
  const awaited = new Set(['c', 'd']);
  const queue = queueAfter(awaited, ['a', 'b', 'c']);

  expect(takeWhatItGives(queue)).toEqual(['c']);
  expect(queue.take()).toBeUndefined();
  push(queue, awaited, 'd');

  expect(takeWhatItGives(queue)).toEqual(['d', 'a', 'b']);
});

it('holds nothing back once no deferred zone is awaited any more', () => {
  const awaited = new Set(['gone', 'b']);
  const queue = queueAfter(awaited, ['a', 'b']);

  awaited.clear();

  expect(takeWhatItGives(queue)).toEqual(['b', 'a']);
});

it('hands over everything at once, deferred ones first', () => {
  const queue = queueAfter(new Set(['c', 'later']), ['a', 'b', 'c']);

  expect(queue.takeAll().map((zone) => zone.id)).toEqual(['c', 'a', 'b']);
  expect(queue.hasNext).toBe(false);
  expect(queue.size).toBe(0);
  expect(queue.takeAll()).toEqual([]);
});
