import { describe, expect, it } from 'vitest';
import {
  requireBoolean,
  requireFunction,
  requireInteger,
  requireNumber,
  requireObject,
  requireOneOf,
  requireOptionGroup,
  requireOptions,
  requireText,
  type OptionNames,
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
    [() => requireFunction('f', 'redis://:secret@h'), 'f must be a function, got a string'],
    [() => requireObject('o', 'redis://:secret@h'), 'o must be an object, got a string'],
    [() => requireObject('o', []), 'o must be an object, got an array'],
    [() => requireObject('o', () => 1), 'o must be an object, got a function'],
    [() => requireOneOf('c', Symbol('s'), ['a', 'b']), 'c must be one of a, b, got Symbol(s)'],
  ])('name the option, the rule and the value (%#)', (check, message) => {
    expect(check).toThrow(message);
  });
});

describe('names of options', () => {
  interface ProbeOptions {
    readonly count?: number;
    readonly waitMs?: number | undefined;
  }
  const names: OptionNames<ProbeOptions> = { count: true, waitMs: true };

  it('pass when they are known, whatever they hold', () => {
    const options = { count: 5, waitMs: undefined };

    expect(requireOptions('probe', options, names)).toBe(options);
    expect(requireOptionGroup('half.probe', options, names)).toBe(options);
    expect(requireOptions('probe', {}, names)).toEqual({});
  });

  it('are refused by the compiler when one is forgotten, and when one is not there', () => {
    // @ts-expect-error: waitMs is missing
    const forgotten: OptionNames<ProbeOptions> = { count: true };
    // @ts-expect-error: there is no delayMs
    const invented: OptionNames<ProbeOptions> = { count: true, waitMs: true, delayMs: true };

    // @ts-expect-error: those of something else will not do
    expect(() => requireOptions<ProbeOptions>('probe', { waitMs: 1 }, { count: true })).toThrow();
    expect([forgotten, invented]).toHaveLength(2);
  });

  it.each([
    ['that is misspelt', { count: 1, waitMS: 5 }, 'waitMS'],
    ['that holds undefined', { wait: undefined }, 'wait'],
    ['that every object has as a method', { toString: 5 }, 'toString'],
    ['__proto__, as JSON can have it', JSON.parse('{ "__proto__": 5 }') as object, '__proto__'],
    ['that is spread into them', { ...{ count: 1 }, ...{ limit: 2 } }, 'limit'],
    [
      'that an instance of a class has of its own',
      new (class {
        limit = 2;
      })(),
      'limit',
    ],
  ])('refuse one %s', (_what, options: object, name) => {
    expect(() => requireOptions('probe', options as ProbeOptions, names)).toThrow(
      new TypeError(`${name} is not an option of probe; its options are count, waitMs`),
    );
    expect(() => requireOptionGroup('half.probe', options as ProbeOptions, names)).toThrow(
      new TypeError(`half.probe.${name} is not an option; those of half.probe are count, waitMs`),
    );
  });

  it('do not count when they are symbols, inherited or not enumerable', () => {
    class Base {
      readonly count = 1;
      get limit(): number {
        return this.count + 4;
      }
    }
    const options: ProbeOptions = Object.assign(new Base(), { [Symbol('mark')]: true });
    Object.defineProperty(options, 'hidden', { value: 1 });

    expect(requireOptions('probe', options, names)).toBe(options);
    expect(requireOptions('probe', Object.create({ limit: 5 }) as ProbeOptions, names)).toEqual({});
  });

  it.each([null, undefined, 5, 'count', [], () => 1])('are not looked for in %j', (value) => {
    expect(() => requireOptions('probe', value as never, names)).toThrow(
      /^options must be an object, got /,
    );
    expect(() => requireOptionGroup('half', value as never, names)).toThrow(
      /^half must be an object, got /,
    );
  });
});
