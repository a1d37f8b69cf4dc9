import { expect, it } from 'vitest';
import { fieldAt } from '../../src/demo/field-at.ts';

it.each([
  [{ node: 'a' }, 'node', 'a'],
  [{ device: { id: 5 } }, 'device.id', 5],
  [{ 'device.id': 1, device: { id: 2 } }, 'device.id', 1],
  [{ a: { b: { c: null } } }, 'a.b.c', null],
  [{ a: 1 }, 'a.b', undefined],
  [{}, 'toString', undefined],
  [{}, '__proto__.toString', undefined],
  [null, 'a', undefined],
  ['text', 'length', undefined],
])('finds in %j the field %s', (record, path, expected) => {
  expect(fieldAt(record, path)).toBe(expected);
});
