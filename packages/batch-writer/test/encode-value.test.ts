import { describe, expect, test } from 'vitest';
import type { PgType } from '@holdfast/batch-writer';
import { encodeValue, PG_TYPES, UnfitValue } from '../src/encode-value.ts';

test.each(PG_TYPES)('%s: null and undefined are NULL', (type) => {
  expect(encodeValue(type, null)).toBeNull();
  expect(encodeValue(type, undefined)).toBeNull();
});

test.each<[PgType, unknown, string]>([
  ['bool', true, 't'],
  ['int2', -32768, '-32768'],
  ['int4', 2147483647, '2147483647'],
  ['int8', 2n ** 63n - 1n, '9223372036854775807'],
  ['int8', '-9223372036854775808', '-9223372036854775808'],
  ['float8', NaN, 'NaN'],
  ['float8', -Infinity, '-Infinity'],
  ['float8', -0, '-0'],
  ['float4', 1.5, '1.5'],
  ['numeric', '12345678901234567890.5', '12345678901234567890.5'],
  ['numeric', 10n, '10'],
  ['text', 'a\tb"\\', 'a\tb"\\'],
  ['text', '\u{1F600}', '\u{1F600}'],
  ['uuid', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
  ['date', '2026-02-03', '2026-02-03'],
  ['date', new Date('2026-02-03T23:59:59Z'), '2026-02-03'],
  ['timestamptz', new Date(0), '1970-01-01T00:00:00.000Z'],
  ['timestamptz', '2026-01-01T00:00:00.123456+02', '2026-01-01T00:00:00.123456+02'],
  ['timestamptz', 'infinity', 'infinity'],
  ['json', [1, [2]], '[1,[2]]'],
  ['jsonb', 'text', '"text"'],
  ['jsonb', false, 'false'],
  ['bytea', new Uint8Array([0, 255]), '\\x00ff'],
  ['bytea', Buffer.from('xxabxx').subarray(2, 4), '\\x6162'],
])('%s takes %o as %s', (type, value, text) => {
  expect(encodeValue(type, value)).toBe(text);
});

describe('does not take', () => {
  test.each<[PgType, unknown]>([
    ['bool', 1],
    ['bool', 'true'],
    ['int2', 32768],
    ['int4', 1.5],
    ['int4', NaN],
    ['int8', 2 ** 53],
    ['int8', 2n ** 63n],
    ['int8', ''],
    ['float8', '1.5'],
    ['float8', 1n],
    ['numeric', 'abc'],
    ['numeric', ''],
    ['text', 5],
    ['text', 'a\u0000b'],
    ['text', '\ud800'],
    ['uuid', 'a0eebc99'],
    ['date', '03.02.2026'],
    ['date', '2026-02-03T00:00:00Z'],
    ['timestamptz', '2026-01-01T00:00:00'],
    ['timestamptz', 'yesterday'],
    ['timestamptz', 1700000000000],
    ['timestamptz', new Date(NaN)],
    ['timestamptz', new Date('+010000-01-01T00:00:00Z')],
    ['json', 1n],
    ['json', () => 1],
    ['bytea', 'abc'],
    ['bytea', [1, 2]],
  ])('%s: %o', (type, value) => {
    expect(() => encodeValue(type, value)).toThrow(UnfitValue);
  });
});
