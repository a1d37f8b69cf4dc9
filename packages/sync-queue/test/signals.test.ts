import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { setUp } from './set-up.ts';

test('leaves no listener on a long-lived signal', async () => {
  const { queue, clock } = setUp({
    limits: { maxCount: 2, maxBytes: 100 },
    overflow: { waitMs: 100 },
  });
  const { signal } = new AbortController();
  const listeners = (): number => getEventListeners(signal, 'abort').length;

  await queue.add('resolved', { signal });
  await queue.addMany(['resolved'], { signal });
  expect(listeners()).toBe(0);
  const rejected = expect(queue.add('full', { signal })).rejects.toThrow('no room');
  await clock.advance(1);
  // The listener is there while the add waits, so counting it means something.
  expect(listeners()).toBe(1);
  await clock.advance(100);
  await rejected;
  expect(listeners()).toBe(0);

  const consumer = queue.consume(async () => undefined, { signal });
  expect(listeners()).toBe(1);
  await consumer.close();
  expect(listeners()).toBe(0);
  await queue.close();
});

test('leaves no listener on a signal that has aborted an add or a consumer', async () => {
  const { queue, clock } = setUp({
    limits: { maxCount: 1, maxBytes: 100 },
    overflow: { waitMs: 100 },
  });
  const controller = new AbortController();
  const { signal } = controller;
  await queue.add('a');

  const waiting = expect(queue.add('b', { signal })).rejects.toThrow('enough');
  const consumer = queue.consume(() => new Promise(() => undefined), { signal });
  const listeners = (): number => getEventListeners(signal, 'abort').length;
  // The two waits have one together.
  expect(listeners()).toBe(1);
  controller.abort(new Error('enough'));
  await waiting;
  await consumer.close();

  expect(listeners()).toBe(0);
  await clock.advance(100);
  await queue.close();
});
