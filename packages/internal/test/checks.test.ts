import { describe, expect, it } from 'vitest';
import {
  requireBoolean,
  requireFunction,
  requireInteger,
  requireNumber,
  requireObject,
  requireOneOf,
  requireText,
} from '@holdfast/internal';

describe('checks', () => {
  it('return what they have checked', () => {
    const fn = (): void => undefined;
    const object = {};

    expect(requireInteger('n', 5, { min: 5, max: 5 })).toBe(5);
    expect(requireNumber('n', 0.5)).toBe(0.5);
    expect(requireBoolean('b', false)).toBe(false);
    expect(requireText('t', 'x')).toBe('x');
    expect(requireFunction('f', fn)).toBe(fn);
    expect(requireObject('o', object)).toBe(object);
    expect(requireOneOf('c', 'a', ['a', 'b'])).toBe('a');
  });

  it.each([
    [
      () => requireInteger('ttlMs', -5, { min: 100 }),
      'ttlMs must be an integer of at least 100, got -5',
    ],
    [() => requireInteger('n', 1.5), 'n must be an integer, got 1.5'],
    [() => requireInteger('n', 2 ** 53), 'n must be an integer, got 9007199254740992'],
    [() => requireInteger('n', '5'), 'n must be an integer, got "5"'],
    [() => requireInteger('n', 5n, { max: 3 }), 'n must be an integer of at most 3, got 5n'],
    [
      () => requireNumber('n', NaN, { min: 0, max: 1 }),
      'n must be a finite number from 0 to 1, got NaN',
    ],
    [() => requireNumber('n', Infinity), 'n must be a finite number, got Infinity'],
    [() => requireNumber('n', null), 'n must be a number, got null'],
    [() => requireBoolean('b', 1), 'b must be a boolean, got 1'],
    [() => requireText('t', ''), 't must be a non-empty string, got ""'],
    [() => requireText('t', undefined), 't must be a non-empty string, got undefined'],
    [() => requireFunction('f', {}), 'f must be a function, got an object'],
    [() => requireObject('o', []), 'o must be an object, got an array'],
    [() => requireObject('o', () => 1), 'o must be an object, got a function'],
    [() => requireOneOf('c', Symbol('s'), ['a', 'b']), 'c must be one of a, b, got Symbol(s)'],
  ])('name the option, the rule and the value (%#)', (check, message) => {
    expect(check).toThrow(message);
  });
});
