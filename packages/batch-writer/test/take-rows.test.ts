import { expect, test } from 'vitest';
import { createFakePool } from './fake-pool.ts';
import { reading, setUp, type Reading } from './set-up.ts';

test('writeMany pulls at the pace of the database and counts', async () => {
  const pool = createFakePool();
  const { clock, writer } = setUp(pool, { batch: { maxRows: 10 }, buffer: { maxRows: 10 } });
  async function* source(): AsyncGenerator<Reading> {
    for (let id = 0; id < 35; id++) {
      yield reading(id);
      expect(writer.snapshot().bufferedRows).toBeLessThanOrEqual(10);
    }
  }

  const written = writer.writeMany(source());
  await clock.advance(20);
  expect(await written).toBe(35);
  expect(await writer.writeMany([reading(100), reading(101)])).toBe(2);

  expect(await writer.close()).toMatchObject({ accepted: 37, stored: 37 });
});

test('writeMany ends its source when a row is refused or the signal aborts', async () => {
  const { writer } = setUp(createFakePool());
  let ended = 0;
  function* bad(): Generator<Reading> {
    try {
      yield reading(1);
      yield reading(0.5);
    } finally {
      ended += 1;
    }
  }
  const hanging: AsyncIterable<Reading> = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise(() => undefined),
      return: async () => {
        ended += 1;
        return { done: true, value: undefined };
      },
    }),
  };
  const controller = new AbortController();

  await expect(writer.writeMany(bad())).rejects.toMatchObject({
    code: 'ROW_INVALID',
    column: 'id',
  });
  const pulling = writer.writeMany(hanging, { signal: controller.signal });
  controller.abort(new Error('enough'));
  await expect(pulling).rejects.toThrow('enough');

  expect(ended).toBe(2);
  expect(await writer.close()).toMatchObject({ accepted: 1, stored: 1 });
});
