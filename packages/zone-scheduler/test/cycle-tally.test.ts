import { expect, it } from 'vitest';
import { CycleTally, describeError } from '../src/cycle-tally.ts';

it('keeps the first failures and counts the rest', () => {
  const tally = new CycleTally(2);

  for (let n = 1; n <= 5; n += 1) {
    tally.fail('failed', { zoneId: `z${n}`, error: new Error(`e${n}`), durationMs: n });
  }

  expect(tally.failures).toEqual([
    { zoneId: 'z1', message: 'e1', durationMs: 1 },
    { zoneId: 'z2', message: 'e2', durationMs: 2 },
  ]);
  expect([tally.counts.failed, tally.failuresTruncated]).toEqual([5, 3]);
});

const hostile = {
  get code(): string {
    throw new Error('do not look');
  },
};

it.each([
  { error: new Error('plain'), described: { message: 'plain' } },
  {
    error: Object.assign(new Error('db'), { code: '40001' }),
    described: { message: 'db', code: '40001' },
  },
  { error: Object.assign(new Error('odd'), { code: 7 }), described: { message: 'odd' } },
  { error: 'text', described: { message: 'text' } },
  { error: undefined, described: { message: 'undefined' } },
  {
    error: Object.create(null) as unknown,
    described: { message: 'an error that cannot be described' },
  },
  { error: hostile, described: { message: 'an error that cannot be described' } },
])('describes $described.message', ({ error, described }) => {
  expect(describeError(error)).toEqual(described);
});
