import { parseRetryAfter } from '@holdfast/circuit-breaker/http';
import { testSeed } from '@holdfast/testkit';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { parseHttpDate } from '../../src/http/http-date.ts';

const NOW = Date.UTC(2026, 0, 1);
const NOVEMBER_1994 = Date.UTC(1994, 10, 6, 8, 49, 37);

describe('a single value', () => {
  test.each<[unknown, number | undefined]>([
    ['0', 0],
    ['120', 120_000],
    [' 120 ', 120_000],
    [2, 2_000],
    ['007', 7_000],
    ['9'.repeat(400), Number.MAX_SAFE_INTEGER],
    ['Thu, 01 Jan 2026 00:00:05 GMT', 5_000],
    ['Thursday, 01-Jan-26 00:00:05 GMT', 5_000],
    ['Thu Jan  1 00:00:05 2026', 5_000],
    ['Wed, 31 Dec 2025 23:59:59 GMT', 0],
    ['', undefined],
    ['-1', undefined],
    ['+1', undefined],
    ['1.5', undefined],
    ['1e3', undefined],
    ['0x10', undefined],
    ['1, 2', undefined],
    ['soon', undefined],
    ['2026-01-01T00:00:05Z', undefined],
    [-1, undefined],
    [1.5, undefined],
    [NaN, undefined],
    [Infinity, undefined],
    [null, undefined],
    [undefined, undefined],
    [true, undefined],
  ])('%o asks for %o ms', (value, ms) => {
    expect(parseRetryAfter(value, NOW)).toBe(ms);
  });
});

describe('headers', () => {
  test.each<[string, unknown, number | undefined]>([
    ['a Headers', new Headers({ 'Retry-After': '3' }), 3_000],
    ['an object', { 'retry-after': '3' }, 3_000],
    ['an object in another case', { 'Retry-After': '3' }, 3_000],
    ['a list of one', { 'retry-after': ['3'] }, 3_000],
    ['a list of several', { 'retry-after': ['3', '4'] }, undefined],
    [
      'a Headers with several',
      new Headers([
        ['retry-after', '3'],
        ['retry-after', '4'],
      ]),
      undefined,
    ],
    ['retry-after-ms', { 'retry-after-ms': '250' }, 250],
    ['x-amz-retry-after', { 'x-amz-retry-after': '250' }, 250],
    ['milliseconds before seconds', { 'retry-after': '1', 'retry-after-ms': '250' }, 250],
    ['the next one after a bad one', { 'retry-after': '1', 'retry-after-ms': 'x' }, 1_000],
    ['none', {}, undefined],
    ['a Headers with none', new Headers(), undefined],
    ['an array', ['3'], undefined],
  ])('%s', (_what, headers, ms) => {
    expect(parseRetryAfter(headers, NOW)).toBe(ms);
  });
});

describe('HTTP dates', () => {
  test.each([
    'Sun, 06 Nov 1994 08:49:37 GMT',
    'Sunday, 06-Nov-94 08:49:37 GMT',
    'Sun Nov  6 08:49:37 1994',
  ])('%s is the moment of the example in RFC 9110', (text) => {
    expect(parseHttpDate(text, NOW)).toBe(NOVEMBER_1994);
  });

  test.each([
    'sun, 06 nov 1994 08:49:37 gmt',
    'Sun, 6 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 08:49:37 UTC',
    'Sun, 06 Nov 1994 08:49:37 GMT and more',
    'Sun, 31 Feb 1994 08:49:37 GMT',
    'Sun, 00 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 24:00:00 GMT',
    'Sun, 06 Nov 1994 08:60:00 GMT',
    'Sun, 06 Nov 1994 08:49:61 GMT',
    'Sun, 06 Nov 0094 08:49:37 GMT',
    'Sun Nov 6 08:49:37 1994',
  ])('%s is none', (text) => {
    expect(parseHttpDate(text, NOW)).toBeUndefined();
  });

  it('knows leap years and leap seconds', () => {
    expect(parseHttpDate('Thu, 29 Feb 2024 00:00:00 GMT', NOW)).toBe(Date.UTC(2024, 1, 29));
    expect(parseHttpDate('Wed, 29 Feb 2023 00:00:00 GMT', NOW)).toBeUndefined();
    expect(parseHttpDate('Sat, 31 Dec 2016 23:59:60 GMT', NOW)).toBe(Date.UTC(2017, 0, 1));
  });

  it.each([
    ['75', 2075],
    ['76', 2076],
    ['77', 1977],
    ['99', 1999],
    ['00', 2000],
  ])('takes the year %s for %i: at most 50 years ahead', (year, full) => {
    expect(parseHttpDate(`Monday, 01-Jan-${year} 00:00:00 GMT`, NOW)).toBe(Date.UTC(full, 0, 1));
  });

  it('reads every moment of four-digit years back, in two formats', () => {
    const second = fc.integer({
      min: Date.UTC(100, 0, 1) / 1_000,
      max: Date.UTC(9_999, 0) / 1_000,
    });
    fc.assert(
      fc.property(second, (seconds) => {
        const date = new Date(seconds * 1_000);
        const [day = '', dd = '', month = '', year = '', time = ''] = date.toUTCString().split(' ');
        const asctime = `${day.slice(0, 3)} ${month} ${String(Number(dd)).padStart(2)} ${time} ${year}`;
        expect(parseHttpDate(date.toUTCString(), NOW)).toBe(date.getTime());
        expect(parseHttpDate(asctime, NOW)).toBe(date.getTime());
      }),
      { seed: testSeed() },
    );
  });
});

it('never throws for what a server sent, and never asks for less than no wait', () => {
  const header = fc.oneof(fc.string(), fc.anything());
  fc.assert(
    fc.property(header, (value) => {
      const ms = parseRetryAfter({ 'retry-after': value, 'retry-after-ms': value }, NOW);
      expect(ms === undefined || (Number.isFinite(ms) && ms >= 0)).toBe(true);
    }),
    { seed: testSeed() },
  );
});

it('needs to know the time', () => {
  expect(() => parseRetryAfter('1', undefined as never)).toThrow(
    'nowWallMs must be a number, got undefined',
  );
});
