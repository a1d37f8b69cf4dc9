import { expect, it } from 'vitest';
import { ZoneQueue } from '../src/zone-queue.ts';

function queueAfter(deferred: string[], pushed: string[]): ZoneQueue<unknown> {
  const queue = new ZoneQueue(new Set(deferred));
  for (const id of pushed) queue.push({ id });
  return queue;
}

function takeWhatItGives(queue: ZoneQueue<unknown>): string[] {
  const taken: string[] = [];
  while (queue.hasNext) taken.push(queue.take()!.id);
  return taken;
}

it('gives zones in the order they came when none was deferred', () => {
  const queue = queueAfter([], ['a', 'b', 'c']);

  expect(takeWhatItGives(queue)).toEqual(['a', 'b', 'c']);
  expect(queue.take()).toBeUndefined();
});

it('gives deferred zones first and holds the others back until all deferred ones have come', () => {
  const queue = queueAfter(['c', 'd'], ['a', 'b', 'c']);

  expect(takeWhatItGives(queue)).toEqual(['c']);
  expect(queue.take()).toBeUndefined();
  queue.push({ id: 'd' });

  expect(takeWhatItGives(queue)).toEqual(['d', 'a', 'b']);
});

it('holds nothing back when the source has ended, and names the deferred zones that are gone', () => {
  const queue = queueAfter(['gone', 'b'], ['a', 'b']);

  expect(queue.release()).toEqual(['gone']);

  expect(takeWhatItGives(queue)).toEqual(['b', 'a']);
});

it('does not wait for a zone that will not come', () => {
  const queue = queueAfter(['skipped'], ['a']);

  queue.forget('skipped');

  expect(takeWhatItGives(queue)).toEqual(['a']);
});

it('hands over everything at once, deferred ones first', () => {
  const queue = queueAfter(['c', 'later'], ['a', 'b', 'c']);

  expect(queue.takeAll().map((zone) => zone.id)).toEqual(['c', 'a', 'b']);
  expect(queue.hasNext).toBe(false);
  expect(queue.takeAll()).toEqual([]);
});
