import { expect, it } from 'vitest';
import { alignColumns, alignFields, printable, wholeNumber } from '../src/index.ts';

it('aligns columns below their headings, and fields behind their names', () => {
  expect(alignColumns(['A', 'LONG'], [['first', '1']])).toBe('A      LONG\nfirst  1\n');
  expect(
    alignFields([
      ['a', '1'],
      ['gone', null],
      ['longer', '2'],
    ]),
  ).toBe('a       1\nlonger  2\n');
  expect(alignFields([])).toBe('');
});

it('escapes what would steer a terminal or turn a line around', () => {
  expect(printable('a\u001b[2Jb\nc\u202ed\u2028')).toBe('a%1B[2Jb%0Ac%E2%80%AEd%E2%80%A8');
  expect(printable('grün \ud800')).toBe('grün \ud800');
});

it('reads whole numbers', () => {
  expect([wholeNumber('--n', undefined), wholeNumber('--n', '12')]).toEqual([undefined, 12]);
  for (const bad of ['', '-1', '1.5', '1e3', ' 1', '9999999999999']) {
    expect(() => wholeNumber('--n', bad)).toThrow(
      new TypeError(`--n must be a whole number, got ${JSON.stringify(bad)}`),
    );
  }
});
