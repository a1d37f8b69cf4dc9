import { expect, test } from 'vitest';
import { dayOf, microsecondsOf } from '../src/timestamp.ts';

test('equal instants in different notations are equal', () => {
  const noon = microsecondsOf('2026-03-01T12:00:00Z');

  expect(noon).toBe(BigInt(Date.UTC(2026, 2, 1, 12)) * 1000n);
  for (const text of [
    '2026-03-01 12:00Z',
    '2026-03-01T12:00:00.000000+00',
    '2026-03-01t14:30:00+02:30',
    '2026-03-01T07:00:00-0500',
    '2026-03-01T12:00:01+00:00:01',
  ]) {
    expect(microsecondsOf(text)).toBe(noon);
  }
});

test('keeps microseconds', () => {
  const first = microsecondsOf('2026-03-01T12:00:00.000001Z')!;
  const second = microsecondsOf('2026-03-01T12:00:00.000002Z')!;

  expect(second - first).toBe(1n);
});

test('counts before the epoch and at the ends of time', () => {
  expect(microsecondsOf('1969-12-31T23:59:59.5Z')).toBe(-500_000n);
  expect(microsecondsOf('infinity')! > microsecondsOf('9999-12-31T00:00:00Z')!).toBe(true);
  expect(microsecondsOf('-infinity')! < microsecondsOf('0001-01-01T00:00:00Z')!).toBe(true);
});

test('has no place for what is not a time', () => {
  expect(microsecondsOf('2026-13-01T00:00:00Z')).toBeUndefined();
  expect(microsecondsOf('soon')).toBeUndefined();
  expect(dayOf('2026-13-01')).toBeUndefined();
  expect(dayOf('1970-01-02')).toBe(1);
});
