import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatTimestamp, parseTimestamp } from '../../src/system/timestamp.ts';

describe('parseTimestamp', () => {
  it.each([
    ['2020-09-06T22:00:00Z', '2020-09-06T22:00:00.000000Z'],
    ['2020-09-06T22:00:00', '2020-09-06T22:00:00.000000Z'],
    ['2020-09-06 22:00', '2020-09-06T22:00:00.000000Z'],
    ['2020-09-06T22:00:00.1234567Z', '2020-09-06T22:00:00.123456Z'],
    ['2020-09-07T00:00:00+02:00', '2020-09-06T22:00:00.000000Z'],
    ['2020-09-06T20:00:00.5-0200', '2020-09-06T22:00:00.500000Z'],
    [1_599_429_600, '2020-09-06T22:00:00.000000Z'],
    [1_599_429_600_123, '2020-09-06T22:00:00.123000Z'],
    [1_594_598_735.772_776_8, '2020-07-13T00:05:35.772777Z'],
    [0, '1970-01-01T00:00:00.000000Z'],
    [-1.5, '1969-12-31T23:59:58.500000Z'],
  ])('reads %s', (value, expected) => {
    const micros = parseTimestamp(value);

    expect(micros).toBeDefined();
    expect(formatTimestamp(micros ?? NaN)).toBe(expected);
  });

  it.each([
    undefined,
    null,
    true,
    {},
    '',
    'yesterday',
    '2020-13-01T00:00:00Z',
    '2020-09-06',
    'NaN',
    NaN,
    Infinity,
    1e20,
    '1684-12-31T23:59:59Z',
    '2255-01-01T00:00:00Z',
  ])('does not take %s for a time', (value) => {
    expect(parseTimestamp(value)).toBeUndefined();
  });

  it('reads back what formatTimestamp writes, to the microsecond', () => {
    const year = 365.25 * 86_400 * 1e6;
    fc.assert(
      fc.property(fc.integer({ min: -280 * year, max: 280 * year }), (micros) => {
        expect(parseTimestamp(formatTimestamp(micros))).toBe(micros);
      }),
    );
  });
});
