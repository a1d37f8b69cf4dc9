import { describe, expect, it } from 'vitest';
import { lockKey, type LockKey } from '../src/index.ts';
import { createNamer, nameLocks } from '../src/lock-key.ts';

describe('lockKey', () => {
  // Golden vectors: computed once. A change of any of them would let two versions of an application hold one lock.
  it.each<[string, LockKey, bigint]>([
    ['holdfast', 'zone', -9_008_528_687_774_782_086n],
    ['holdfast', ['zone', '7'], 8_476_677_363_819_709_253n],
    ['holdfast', ['zone', 7], 8_476_677_363_819_709_253n],
    ['holdfast', ['a', 'bc'], -5_664_953_045_004_941_176n],
    ['holdfast', ['ab', 'c'], 3_523_904_463_513_040_780n],
    ['ключ', ['зона', -1n], -7_039_253_505_243_437_803n],
  ])('is frozen for %s, %s', (namespace, key, expected) => {
    expect(lockKey(namespace, key)).toBe(expected);
  });

  it('keeps parts and namespaces apart', () => {
    const keys: [string, LockKey][] = [
      ['n', ['a', 'bc']],
      ['n', ['ab', 'c']],
      ['n', 'abc'],
      ['n', ['abc', '0']],
      ['na', 'bc'],
      ['n', ['\u0001', 'a']],
    ];

    expect(new Set(keys.map(([namespace, key]) => lockKey(namespace, key))).size).toBe(keys.length);
  });

  it('takes numbers as their decimal text', () => {
    expect(lockKey('n', ['a', 5])).toBe(lockKey('n', ['a', '5']));
    expect(lockKey('n', ['a', 5n])).toBe(lockKey('n', ['a', '5']));
  });

  it('uses all 64 bits, signed, without a collision in 200,000 names', () => {
    const keys = new Set<bigint>();
    let negatives = 0;
    for (let n = 0; n < 200_000; n += 1) {
      const key = lockKey('names', ['name', n]);
      if (key < 0n) negatives += 1;
      keys.add(key);
    }

    expect(keys.size).toBe(200_000);
    // Five standard deviations of a fair coin.
    expect(Math.abs(negatives - 100_000)).toBeLessThan(1_118);
  });
});

it('names a lock the same when it remembers the name, also after thousands of others', () => {
  const nameLock = createNamer('app');
  const keys = Array.from({ length: 2_500 }, (_, index) => `key-${index}`);
  for (const key of [...keys, ...keys, 'x'.repeat(101)]) {
    expect(nameLock(key)).toEqual(nameLocks('app', [key]));
  }
  expect(nameLock('key-1')).toBe(nameLock('key-1'));
  expect(() => nameLock('')).toThrow('key');
});
