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

/** @throws {TypeError} unless `value` is a function. */
export function requireFunction<F>(name: string, value: F): F {
  if (typeof value !== 'function') throw new TypeError(complaint(name, 'a function', {}, value));
  return value;
}

/** @throws {TypeError} unless `value` is an object (arrays and null are not). */
export function requireObject<O>(name: string, value: O): O {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(complaint(name, 'an object', {}, value));
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

function describe(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'bigint':
      return `${value}n`;
    case 'function':
      return 'a function';
    case 'symbol':
      return String(value);
    case 'object':
      return value === null ? 'null' : Array.isArray(value) ? 'an array' : 'an object';
    default:
      return String(value);
  }
}
