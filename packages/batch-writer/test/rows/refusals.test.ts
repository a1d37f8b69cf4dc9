import { describe, expect, test } from 'vitest';
import { ByteWriter } from '../../src/rows/byte-writer.ts';
import { codecOf } from '../../src/rows/codecs.ts';
import type { NulPolicy, PgType } from '../../src/rows/pg-types.ts';
import { UnfitValue } from '../../src/rows/unfit-value.ts';

const INTEGER = 'must be a safe integer, a bigint or a string of digits';
const NUMBER = 'must be a number';
const DECIMAL = 'must be a number, a bigint or a decimal string';
const DAY = 'must be a Date or text as YYYY-MM-DD';
const TIME = 'must be a Date, an ISO time with its offset or a bigint of microseconds';
const EXISTS = 'must be a time that exists';

const REFUSALS: Readonly<Partial<Record<PgType, readonly [value: unknown, message: string][]>>> = {
  bool: [
    [1, 'must be a boolean, got 1'],
    ['true', 'must be a boolean, got "true"'],
  ],
  int2: [
    [32_768, '32768 does not fit into 16 bits'],
    [-32_769n, '-32769 does not fit into 16 bits'],
    [1.5, `${INTEGER}, got 1.5`],
    [NaN, `${INTEGER}, got NaN`],
  ],
  int4: [
    [2 ** 31, '2147483648 does not fit into 32 bits'],
    ['-2147483649', '-2147483649 does not fit into 32 bits'],
    [Infinity, `${INTEGER}, got Infinity`],
    [true, `${INTEGER}, got true`],
  ],
  int8: [
    [2 ** 53, `${INTEGER}, got 9007199254740992`],
    [2n ** 63n, '9223372036854775808 does not fit into 64 bits'],
    ['-9223372036854775809', '-9223372036854775809 does not fit into 64 bits'],
    ['', `${INTEGER}, got ""`],
    ['+1', `${INTEGER}, got "+1"`],
    ['1e3', `${INTEGER}, got "1e3"`],
    [NaN, `${INTEGER}, got NaN`],
    [new Date(0), `${INTEGER}, got a Date`],
  ],
  float4: [
    [1e300, '1e+300 does not fit into a float of 32 bits'],
    [-3.5e38, '-3.5e+38 does not fit into a float of 32 bits'],
    ['1.5', `${NUMBER}, got "1.5"`],
  ],
  float8: [
    ['1.5', `${NUMBER}, got "1.5"`],
    [1n, `${NUMBER}, got 1n`],
  ],
  numeric: [
    ['abc', `${DECIMAL}, got "abc"`],
    ['', `${DECIMAL}, got ""`],
    ['.', `${DECIMAL}, got "."`],
    ['1,5', `${DECIMAL}, got "1,5"`],
    ['0x10', `${DECIMAL}, got "0x10"`],
    ['inf', `${DECIMAL}, got "inf"`],
    [{}, `${DECIMAL}, got an object`],
    ['1e131072', '"1e131072" has more digits than numeric can hold'],
    ['1e-16384', '"1e-16384" has more digits than numeric can hold'],
    ['1e99999999999', '"1e99999999999" has more digits than numeric can hold'],
  ],
  text: [
    [5, 'must be a string, got 5'],
    [['a'], 'must be a string, got an array'],
    ['a\u0000b', 'text cannot hold a NUL character'],
    [`${'a'.repeat(100)}\u0000`, 'text cannot hold a NUL character'],
    ['a\ud800b', 'text holds half a surrogate pair'],
    ['\udc00\ud800', 'text holds half a surrogate pair'],
  ],
  unknown: [
    [5, 'must be a string, got 5'],
    ['\u0000', 'text cannot hold a NUL character'],
  ],
  uuid: [
    ['a0eebc99', 'must be a UUID, got "a0eebc99"'],
    ['a0eebc999c0b4ef8bb6d6bb9bd380a11', 'must be a UUID, got "a0eebc999c0b4ef8bb6d6bb9bd380a11"'],
    [5, 'must be a UUID, got 5'],
  ],
  date: [
    ['03.02.2026', `${DAY}, got "03.02.2026"`],
    ['2026-02-03T00:00:00Z', `${DAY}, got "2026-02-03T00:00:00Z"`],
    ['10000-01-01', `${DAY}, got "10000-01-01"`],
    ['-000000-01-01', `${DAY}, got "-000000-01-01"`],
    [0, `${DAY}, got 0`],
    ['2026-02-30', 'must be a day that exists, got "2026-02-30": the calendar does not have it'],
    ['2023-02-29', 'must be a day that exists, got "2023-02-29": the calendar does not have it'],
    [new Date(NaN), 'the Date must be valid'],
    ['-004713-11-23', 'the day must be within the years -4713 and 5874897'],
    ['+5874898-01-01', 'the day must be within the years -4713 and 5874897'],
    [new Date(-8.64e15), 'the day must be within the years -4713 and 5874897'],
  ],
  timestamptz: [
    ['2026-01-01T00:00:00', `${TIME}, got "2026-01-01T00:00:00"`],
    ['2026-01-01', `${TIME}, got "2026-01-01"`],
    ['yesterday', `${TIME}, got "yesterday"`],
    ['2026-01-01T00:00:00 Europe/Moscow', `${TIME}, got "2026-01-01T00:00:00 Europe/Moscow"`],
    [1_700_000_000_000, `${TIME}, got 1700000000000`],
    ['-000000-01-01T00:00:00Z', `${TIME}, got "-000000-01-01T00:00:00Z"`],
    [
      '2026-02-30T00:00:00Z',
      `${EXISTS}, got "2026-02-30T00:00:00Z": the calendar does not have the day`,
    ],
    [
      '2026-06-30T23:59:60Z',
      `${EXISTS}, got "2026-06-30T23:59:60Z": the clock does not have the time`,
    ],
    [
      '2026-06-30T24:00:01Z',
      `${EXISTS}, got "2026-06-30T24:00:01Z": the clock does not have the time`,
    ],
    ['2026-06-30T25:00Z', `${EXISTS}, got "2026-06-30T25:00Z": the clock does not have the time`],
    ['2026-06-30T10:60Z', `${EXISTS}, got "2026-06-30T10:60Z": the clock does not have the time`],
    [
      '2026-06-30T10:00+16:00',
      `${EXISTS}, got "2026-06-30T10:00+16:00": the offset must be less than 16 hours`,
    ],
    [
      '2026-01-01T00:00:00.1234567Z',
      `${EXISTS}, got "2026-01-01T00:00:00.1234567Z": PostgreSQL keeps microseconds, 6 digits of the second`,
    ],
    [new Date(NaN), 'the Date must be valid'],
    [new Date(-8.64e15), 'the time must be within the years -4713 and 294276'],
    ['-004713-11-23T23:59:59.999999Z', 'the time must be within the years -4713 and 294276'],
    ['+294277-01-01T00:00:00Z', 'the time must be within the years -4713 and 294276'],
    [2n ** 64n, 'the time must be within the years -4713 and 294276'],
  ],
  timestamp: [
    ['2026-01-01 00:00:00', `${TIME}, got "2026-01-01 00:00:00"`],
    ['+294276-12-31T23:59:59-00:01', 'the time must be within the years -4713 and 294276'],
  ],
  json: [
    [() => 1, 'must be a JSON value, got function'],
    [Symbol('s'), 'must be a JSON value, got symbol'],
    [{ toJSON: () => undefined }, 'must be a JSON value, got an object'],
    [{ toJSON: () => null }, 'must be a JSON value other than null, got JSON null'],
    [1n, 'JSON cannot hold a bigint: give a number or a string'],
    [{ a: [1n] }, 'JSON cannot hold a bigint: give a number or a string'],
    [NaN, 'JSON cannot hold NaN'],
    [{ a: { b: Infinity } }, 'JSON cannot hold Infinity, found at "b"'],
    [[1, NaN], 'JSON cannot hold NaN, found at "1"'],
    [{ at: new Date(NaN) }, 'JSON cannot hold an invalid Date, found at "at"'],
  ],
  jsonb: [
    [undefined, 'must be a JSON value, got undefined'],
    [NaN, 'JSON cannot hold NaN'],
    ['\u0000', 'jsonb cannot hold a NUL character'],
    [{ 'a\\\u0000': 1 }, 'jsonb cannot hold a NUL character'],
    [['\ud800'], 'jsonb holds half a surrogate pair'],
  ],
  bytea: [
    ['abc', 'must be a Uint8Array, got "abc"'],
    [[1, 2], 'must be a Uint8Array, got an array'],
    [new ArrayBuffer(1), 'must be a Uint8Array, got an object'],
  ],
  'int4[]': [
    [1, 'must be an array, got 1'],
    ['{1}', 'must be an array, got "{1}"'],
    [new Int32Array(2), 'must be an array, got an object'],
    [[1, 1.5], `element [1] ${INTEGER}, got 1.5`],
    [
      [
        [1, 2],
        [3, 2 ** 31],
      ],
      'element [1][1] 2147483648 does not fit into 32 bits',
    ],
    [[[1], [2, 3]], 'arrays inside an array must all have the same length'],
    [[1, [2]], 'arrays inside an array must all have the same length'],
    [[[1], null], 'arrays inside an array must all have the same length'],
    [[null, [1]], 'arrays inside an array must all have the same length'],
    [[[]], 'arrays inside an array must not be empty'],
    [[[[[[[[1]]]]]]], 'an array can have 6 dimensions at most'],
  ],
  'text[]': [[['a', 'b\u0000'], 'element [1] text cannot hold a NUL character']],
  'jsonb[]': [[[{ a: '\u0000' }], 'element [0] jsonb cannot hold a NUL character']],
};

const CASES = Object.entries(REFUSALS).flatMap(([type, cases]) =>
  cases.map(([value, message]) => ({ type: type as PgType, value, message })),
);

test.each(CASES)('$type does not take $value: $message', ({ type, value, message }) => {
  const codec = codecOf(type);

  expect(() => codec.write(new ByteWriter(), value)).toThrow(new UnfitValue(message));
  expect(() => codec.text(value)).toThrow(new UnfitValue(message));
});

test('an array that holds itself is refused', () => {
  const circular: unknown[] = [];
  circular.push(circular);

  expect(() => codecOf('json').text(circular)).toThrow(new UnfitValue('JSON.stringify failed'));
  expect(() => codecOf('int4[]').text(circular)).toThrow(
    new UnfitValue('an array can have 6 dimensions at most'),
  );
});

test('a long value is not repeated whole', () => {
  const write = (): void => codecOf('uuid').write(new ByteWriter(), 'x'.repeat(1000));

  expect(write).toThrow(`must be a UUID, got "${'x'.repeat(59)}`);
  expect(write).not.toThrow('x'.repeat(61));
});

describe('what looks odd and fits', () => {
  test.each<[type: PgType, value: unknown, read: unknown, nul?: NulPolicy]>([
    ['int4', -0, 0],
    ['int8', '-9223372036854775808', -(2n ** 63n)],
    ['int8', '0000000000000000007', 7n],
    ['float4', 1e-50, 0],
    ['numeric', -0, '0'],
    ['numeric', 1e21, '1000000000000000000000'],
    ['numeric', '1.50e1', '15.0'],
    ['numeric', -Infinity, '-Infinity'],
    ['numeric', '1e131071', `1${'0'.repeat(131_071)}`],
    ['numeric', '1e-16383', `0.${'0'.repeat(16_382)}1`],
    ['numeric', '-.00012e-2', '-0.0000012'],
    ['date', '0000-02-29', '0000-02-29'],
    ['date', new Date('-000001-12-31T23:59:59Z'), '-000001-12-31'],
    ['date', '+5874897-12-31', '+5874897-12-31'],
    ['timestamptz', 0n, '1970-01-01T00:00:00.000Z'],
    ['timestamptz', -1n, '1969-12-31T23:59:59.999999Z'],
    ['timestamptz', '2026-11-20T10:00:00.12345Z', '2026-11-20T10:00:00.12345Z'],
    ['timestamptz', '2026-11-20 10:00+0530', '2026-11-20T04:30:00.000Z'],
    ['timestamptz', '2026-12-31T24:00:00Z', '2027-01-01T00:00:00.000Z'],
    ['timestamptz', new Date(8.64e15), '+275760-09-13T00:00:00.000Z'],
    ['timestamptz', '+294276-12-31T23:59:59.999999Z', '+294276-12-31T23:59:59.999999Z'],
    ['timestamp', '-004713-11-24T00:00:00Z', '-004713-11-24T00:00:00.000Z'],
    ['json', '\u0000', '\u0000'],
    ['json', { a: undefined, b: [null] }, { b: [null] }],
    ['jsonb', '\\u0000', '\\u0000'],
    ['jsonb', 'a\\\u0000', 'a\\', 'strip'],
    ['json', { 'a\u0000': '\u0000', a: 1 }, { a: 1 }, 'strip'],
    ['text', 'a\u0000\u0000b', 'ab', 'strip'],
    ['text[]', ['\u0000', null], ['', null], 'strip'],
    ['jsonb[]', [['\u0000x']], [['x']], 'strip'],
    ['unknown', '10.0.0.1\u0000', '10.0.0.1', 'strip'],
    ['float8[]', [[[[[[1]]]]]], [[[[[[1]]]]]]],
    // eslint-disable-next-line no-sparse-arrays -- a hole reads as undefined, which is NULL
    ['int4[]', [, 1, undefined], [null, 1, null]],
    ['json[]', [[1, [2]], []], [[1, [2]], []]],
  ])('%s takes %o as %o', (type, value, read, nul = 'reject') => {
    const codec = codecOf(type, nul);
    const out = new ByteWriter(1);
    codec.write(out, value);

    expect(codec.read(out.bytes, 4, out.length - 4)).toEqual(read);
    expect(out.bytes.readInt32BE(0)).toBe(out.length - 4);
    const again = new ByteWriter();
    codec.write(again, codec.parse(codec.text(value)));
    expect(codec.read(again.bytes, 4, again.length - 4)).toEqual(read);
  });
});
