import { expect, test } from 'vitest';
import type { PgType } from '@holdfast/batch-writer';
import { canonicalText, orderOf } from '../src/canonical.ts';

test.each<[PgType, string, string]>([
  ['float8', '-0', '0'],
  ['float4', '-0', '0'],
  ['float4', '1.1', '1.100000023841858'],
  ['numeric', '+001.50', '1.5'],
  ['numeric', '-0.0', '0'],
  ['numeric', '.5', '0.5'],
  ['numeric', '10', '10'],
  ['numeric', '100.', '100'],
])('%s: %s has the same notation as %s', (type, text, other) => {
  expect(canonicalText(type, text)).toBe(canonicalText(type, other));
});

test('keeps different keys different', () => {
  expect(canonicalText('numeric', '10')).not.toBe(canonicalText('numeric', '1'));
  expect(canonicalText('text', 'a')).not.toBe(canonicalText('text', 'A'));
});

test('orders by value and knows what has no place', () => {
  expect(orderOf('int8', '9223372036854775807')! > orderOf('int8', '9223372036854775806')!).toBe(
    true,
  );
  expect(orderOf('float8', '-Infinity')! < orderOf('float8', '0')!).toBe(true);
  expect(orderOf('date', '2026-02-01')! > orderOf('date', '2026-01-31')!).toBe(true);
  expect(orderOf('float8', 'NaN')).toBeUndefined();
});
