import { isPriority } from '@holdfast/sync-queue';
import { expect, test } from 'vitest';
import { setUp } from './set-up.ts';

test('addMany tells about each value', async () => {
  const { queue } = setUp({ limits: { maxCount: 2, maxBytes: 100, maxItemBytes: 10 } });

  const verdicts = await queue.addMany(['a', 'much too large', 'b', 'c']);

  expect(verdicts).toMatchObject([
    { status: 'accepted', id: expect.any(String) as string, sampleRate: 1 },
    { status: 'rejected', reason: 'too-large' },
    { status: 'accepted', id: expect.any(String) as string, sampleRate: 1 },
    { status: 'rejected', reason: 'full' },
  ]);
  await expect(queue.add('much too large')).rejects.toThrow(
    'an item of 16 bytes is larger than 10',
  );
  expect(queue.snapshot()).toMatchObject({ accepted: 2, rejected: 3 });
  await queue.close();
});

test('addMany tells which values failed with the store', async () => {
  const { queue, store } = setUp();
  const lift = store.fail('enqueue', 'after');

  const verdicts = await queue.addMany(['a', 'b']);
  lift();

  expect(verdicts).toMatchObject([
    { status: 'failed', error: { code: 'AMBIGUOUS_ADD' } },
    { status: 'failed', error: { code: 'AMBIGUOUS_ADD' } },
  ]);
  await queue.close();
});

test('addMany of thousands keeps their order', async () => {
  const { queue, clock } = setUp({ limits: { maxCount: 2000, maxBytes: 1_000_000 } });
  const values = Array.from({ length: 1200 }, (_, index) => String(index));

  const verdicts = await queue.addMany(values);
  const seen: string[] = [];
  queue.consume(async (batch) => void seen.push(...batch.map(({ value }) => value)));
  await clock.advance(10);

  expect(verdicts.every(({ status }) => status === 'accepted')).toBe(true);
  expect(seen).toEqual(values);
  await queue.close();
});

const loop: Record<string, unknown> = {};
loop['self'] = loop;

test.each([
  [undefined, 'JSON cannot hold undefined'],
  [() => 1, 'JSON cannot hold function'],
  [1n, 'Do not know how to serialize a BigInt'],
  [loop, 'Converting circular structure to JSON'],
])(
  '%s, which the codec cannot encode, is told as such and leaves nothing behind',
  async (value, why) => {
    const { queue } = setUp();

    await expect(queue.add(value as never)).rejects.toMatchObject({
      code: 'PAYLOAD_INVALID',
      message: expect.stringContaining(`the value cannot be encoded: ${why}`) as string,
      index: undefined,
    });
    await expect(queue.addMany(['a', value as never])).rejects.toMatchObject({
      code: 'PAYLOAD_INVALID',
      message: expect.stringContaining(`the value at index 1 cannot be encoded: ${why}`) as string,
      index: 1,
    });
    expect(await queue.stats()).toMatchObject({ ready: 0 });
    await queue.close();
  },
);

test('a codec that gives neither a text nor bytes is told as such', async () => {
  const codec = { encode: () => 5 as never, decode: () => '' };
  const { queue } = setUp({ codec });

  await expect(queue.add('a')).rejects.toMatchObject({
    code: 'PAYLOAD_INVALID',
    message: expect.stringContaining(
      'must return a string or a Uint8Array, got a number',
    ) as string,
  });
  await queue.close();
});

test.each([
  [5, 'a number'],
  [null, 'null'],
  [undefined, 'undefined'],
  [{ length: 2 }, 'an object'],
  ['abc', 'a string'],
])('addMany refuses %j, which holds no values', async (values, got) => {
  const { queue } = setUp();

  await expect(queue.addMany(values as never)).rejects.toThrow(
    new TypeError(`values must be iterable and no string, got ${got}`),
  );
  await queue.close();
});

test('a delayed item is delivered when it is due', async () => {
  const { queue, clock } = setUp();
  const seen: string[] = [];
  queue.consume(async ([delivery]) => void seen.push(delivery!.value));

  await queue.add('later', { delayMs: 250 });
  await clock.advance(249);
  expect(seen).toEqual([]);
  await clock.advance(1);
  expect(seen).toEqual(['later']);
  await queue.close();
});

test('a codec may use its buffer again', async () => {
  const scratch = Buffer.alloc(16);
  const codec = {
    encode: (value: string) => scratch.subarray(0, scratch.write(value)),
    decode: (payload: Uint8Array) => Buffer.from(payload).toString(),
  };
  const { queue, clock } = setUp({ codec });
  const seen: string[] = [];

  await queue.addMany(['aaa', 'bbb', 'ccc']);
  queue.consume(async (batch) => void seen.push(...batch.map(({ value }) => value)));
  await clock.advance(1);

  expect(seen).toEqual(['aaa', 'bbb', 'ccc']);
  await queue.close();
});

test('an idempotency key that is known counts as duplicate, so that accepted is the number of items', async () => {
  const { queue } = setUp({ limits: { maxCount: 1, maxBytes: 100 } });

  for (let times = 0; times < 3; times++) await queue.add('a', { idempotencyKey: '1' });

  expect(queue.snapshot()).toMatchObject({ accepted: 1, duplicate: 2, rejected: 0 });
  expect(await queue.stats()).toMatchObject({ ready: 1 });
  await queue.close();
});

test('maxPendingAdds counts the items of addMany', async () => {
  const { queue } = setUp({ maxPendingAdds: 2 });

  const verdicts = await queue.addMany(['a', 'b', 'c']);

  expect(verdicts.map(({ status }) => status)).toEqual(['accepted', 'accepted', 'rejected']);
  await queue.close();
});

test('isPriority knows the eight', () => {
  const given = [-1, 0, 7, 8, 1.5, NaN, '3'];

  expect(given.filter(isPriority)).toEqual([0, 7]);
});
