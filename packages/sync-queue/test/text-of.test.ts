import fc from 'fast-check';
import { expect, test } from 'vitest';
import { textOf } from '../src/text-of.ts';

test.each<[string, unknown, string]>([
  ['an error', new Error('boom'), 'boom'],
  ['an error without a message', Object.assign(new Error(''), { code: 'EPIPE' }), 'EPIPE'],
  ['an error without anything', new RangeError(''), 'RangeError'],
  ['a text', 'boom', 'boom'],
  ['a symbol', Symbol('s'), 'Symbol(s)'],
  ['nothing', undefined, 'undefined'],
  ['an object without a prototype', Object.create(null), 'a value without a text'],
  ['a message that is an object', messageIs({ detail: 1 }), '[object Object]'],
  ['a message without a text', messageIs(Object.create(null)), 'a value without a text'],
  ['a message that throws', throwingMessage(), 'a value without a text'],
  ['NUL and half a pair', 'a\u0000b\ud800c', 'a\ufffdb\ufffdc'],
])('%s has a text', (_name, value, expected) => {
  expect(textOf(value)).toBe(expected);
});

test('is a bounded text that every store keeps, whatever the value', () => {
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true, withBigInt: true }), (value) => {
      expect(typeof textOf(value)).toBe('string');
    }),
  );
  // The cut is in the middle of a pair.
  expect(textOf(`a${'\u{1f600}'.repeat(600)}`)).toBe(`a${'\u{1f600}'.repeat(499)}\ufffd`);
});

function messageIs(message: unknown): Error {
  return Object.assign(new Error('x'), { message });
}

function throwingMessage(): Error {
  return Object.defineProperty(new Error('x'), 'message', {
    get: () => {
      throw new Error('not even this');
    },
  });
}
