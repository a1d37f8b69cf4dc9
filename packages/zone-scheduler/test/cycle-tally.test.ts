import { describe, expect, it } from 'vitest';
import { CycleTally, describeError } from '../src/cycle-tally.ts';

it('keeps the first failures and counts the rest', () => {
  const tally = new CycleTally(2);

  for (let n = 1; n <= 5; n += 1) {
    tally.fail('failed', {
      ...{ zoneId: `z${n}`, class: 'zone', error: new Error(`e${n % 2}`), durationMs: n },
    });
  }

  expect(tally.failures).toEqual([
    { zoneId: 'z1', class: 'zone', message: 'e1', durationMs: 1 },
    { zoneId: 'z2', class: 'zone', message: 'e0', durationMs: 2 },
  ]);
  expect([tally.counts.failed, tally.failuresTruncated]).toEqual([5, 3]);
  expect(tally.byError).toEqual([
    { class: 'zone', key: 'e1', count: 3 },
    { class: 'zone', key: 'e0', count: 2 },
  ]);
});

it('tells 19 causes apart and counts the rest together', () => {
  const tally = new CycleTally(0);

  for (let n = 1; n <= 100; n += 1) {
    tally.fail('failed', {
      ...{ zoneId: 'z', class: 'zone', error: new Error(`e${n}`), durationMs: 1 },
    });
  }

  expect(tally.byError).toHaveLength(20);
  expect(tally.byError[0]).toEqual({ class: 'zone', key: 'other', count: 81 });
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
  {
    error: Object.assign(new Error(), { message: { no: 'text' } }),
    described: { message: '[object Object]' },
  },
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

describe('a message that is long', () => {
  const LONG = 'x'.repeat(3_000_000);
  const fail = (error: unknown): CycleTally => {
    const tally = new CycleTally(5);
    tally.fail('failed', { zoneId: 'a', class: 'zone', error, durationMs: 1 });
    return tally;
  };

  it('is cut in the failures and in the groups', () => {
    const { failures, byError } = fail(new Error(LONG));

    expect(failures[0]?.message).toBe(`${'x'.repeat(499)}…`);
    expect(byError[0]?.key).toBe(failures[0]?.message);
  });

  it('is cut also when it is a code', () => {
    const { failures, byError } = fail({ code: LONG });

    expect(failures[0]?.code).toHaveLength(500);
    expect(byError[0]?.key).toHaveLength(500);
  });

  it('is not cut in the midst of a character', () => {
    const { failures } = fail(new Error(`${'x'.repeat(498)}😀${LONG}`));

    expect(failures[0]?.message).toBe(`${'x'.repeat(498)}…`);
  });

  it('is as it was when it just fits', () => {
    const text = LONG.slice(0, 500);

    expect(fail(new Error(text)).failures[0]?.message).toBe(text);
  });
});
