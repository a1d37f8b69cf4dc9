import { expect, test } from 'vitest';
import { setUp } from './set-up.ts';

test.each(['invalidate', 'clear'] as const)(
  '%s during a load: who asked before gets its value, nobody else does, and it is not stored',
  async (how) => {
    const { clock, loader, calls } = setUp();
    const before = loader.get('1');
    await clock.advance(1);

    if (how === 'clear') loader.clear();
    else loader.invalidate('1');
    const after = loader.get('1');
    await clock.advance(1);
    calls[0]!.answer(1);
    await clock.advance(0);

    expect(await before).toBe(1);
    expect(loader.peek('1')).toBeNull();
    expect(calls).toHaveLength(2);
    calls[1]!.answer(2);
    expect(await after).toBe(2);
    expect(loader.peek('1')).toBe(2);
  },
);

test('an outdated load that lands last neither overwrites the newer value nor gives its own', async () => {
  const { clock, loader, calls } = setUp();
  const before = loader.get('1');
  await clock.advance(1);
  loader.invalidate('1');
  void loader.get('1');
  await clock.advance(1);

  calls[1]!.answer(2);
  await clock.advance(0);
  calls[0]!.answer(1);

  expect(await before).toBe(2);
  expect(loader.peek('1')).toBe(2);
});

test('a key that still waits in the queue is read after the invalidation, so it stays', async () => {
  const { clock, loader, calls } = setUp();
  const got = loader.get('1');

  loader.invalidate('1');
  await clock.advance(1);
  calls[0]!.answer(1);

  expect(await got).toBe(1);
  expect(loader.peek('1')).toBe(1);
  expect(calls).toHaveLength(1);
});

test('invalidate concerns its key alone, clear all', async () => {
  const { loader } = setUp();
  loader.prime('1', 1);
  loader.prime('2', 2);

  loader.invalidate('1');
  expect([loader.peek('1'), loader.peek('2')]).toEqual([null, 2]);
  loader.clear();
  expect([loader.peek('1'), loader.peek('2')]).toEqual([null, null]);
});

test('a load that was on its way cannot overwrite what was primed', async () => {
  const { clock, loader, calls } = setUp();
  const got = loader.get('1');
  await clock.advance(1);

  loader.prime('1', 2);
  expect(loader.peek('1')).toBe(2);
  calls[0]!.answer(1);

  expect(await got).toBe(2);
  expect(loader.peek('1')).toBe(2);
});

test('null and undefined cannot be primed', () => {
  const { loader } = setUp();
  expect(() => loader.prime('1', undefined as never)).toThrow(TypeError);
  expect(() => loader.prime('1', null as never)).toThrow(TypeError);
});
