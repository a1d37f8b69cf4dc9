import { describe, describeKind } from './describe-value.ts';

/** Bounds of a number, both included. */
export interface Range {
  readonly min?: number;
  readonly max?: number;
}

/** @throws {TypeError | RangeError} unless `value` is an integer within `range`. */
export function requireInteger(name: string, value: unknown, range: Range = {}): number {
  if (typeof value !== 'number') throw new TypeError(complaint(name, 'an integer', range, value));
  if (!Number.isSafeInteger(value) || !isWithin(value, range)) {
    throw new RangeError(complaint(name, 'an integer', range, value));
  }
  return value;
}

/** @throws {TypeError | RangeError} unless `value` is a finite number within `range`. */
export function requireNumber(name: string, value: unknown, range: Range = {}): number {
  if (typeof value !== 'number') throw new TypeError(complaint(name, 'a number', range, value));
  if (!Number.isFinite(value) || !isWithin(value, range)) {
    throw new RangeError(complaint(name, 'a finite number', range, value));
  }
  return value;
}

/** @throws {TypeError} unless `value` is a boolean. */
export function requireBoolean(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw new TypeError(complaint(name, 'a boolean', {}, value));
  return value;
}

/** @throws {TypeError} unless `value` is a string of at least one character. */
export function requireText(name: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') {
    throw new TypeError(complaint(name, 'a non-empty string', {}, value));
  }
  return value;
}

/** @throws {TypeError} unless `value` is a function. Of a text it does not tell what it holds, as `requireObject`. */
export function requireFunction<F>(name: string, value: F): F {
  if (typeof value !== 'function') {
    throw new TypeError(`${name} must be a function, got ${describeKind(value)}`);
  }
  return value;
}

/**
 * Of a text it does not tell what it holds: in the place of a client it is a URL, which may have a password in it.
 *
 * @throws {TypeError} unless `value` is an object (arrays and null are not).
 */
export function requireObject<O>(name: string, value: O): O {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(`${name} must be an object, got ${describeKind(value)}`);
  }
  return value;
}

/** @throws {TypeError} unless `value` is one of `allowed`. */
export function requireOneOf<const T extends string>(
  name: string,
  value: unknown,
  allowed: readonly T[],
): T {
  if (!allowed.includes(value as T)) {
    throw new TypeError(complaint(name, `one of ${allowed.join(', ')}`, {}, value));
  }
  return value as T;
}

/** The names of the options `O`. The compiler asks for each, so that none can be forgotten. */
export type OptionNames<O> = { readonly [K in keyof O]-?: true };

/**
 * Own names count, also of what is `undefined`; symbols and what is inherited do not.
 *
 * @throws {TypeError} unless `options` is an object and all that it names is an option of the function `of`.
 */
export function requireOptions<O extends object>(of: string, options: O, names: OptionNames<O>): O {
  const unknown = unknownName(requireObject('options', options), names);
  if (unknown === undefined) return options;
  throw new TypeError(`${unknown} is not an option of ${of}; its options are ${list(names)}`);
}

/** As `requireOptions`, for options that are given together in the option `path`: `halfOpen`. */
export function requireOptionGroup<O extends object>(
  path: string,
  options: O,
  names: OptionNames<O>,
): O {
  const unknown = unknownName(requireObject(path, options), names);
  if (unknown === undefined) return options;
  throw new TypeError(`${path}.${unknown} is not an option; those of ${path} are ${list(names)}`);
}

function unknownName(options: object, names: object): string | undefined {
  return Object.keys(options).find((name) => !Object.hasOwn(names, name));
}

function list(names: object): string {
  return Object.keys(names).join(', ');
}

function isWithin(value: number, { min = -Infinity, max = Infinity }: Range): boolean {
  return value >= min && value <= max;
}

function complaint(name: string, kind: string, { min, max }: Range, value: unknown): string {
  const range =
    min !== undefined && max !== undefined
      ? ` from ${min} to ${max}`
      : min !== undefined
        ? ` of at least ${min}`
        : max !== undefined
          ? ` of at most ${max}`
          : '';
  return `${name} must be ${kind}${range}, got ${describe(value)}`;
}
