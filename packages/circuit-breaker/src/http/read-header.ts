/**
 * A header's value from a `Headers`, or anything with `get`, or from an object by name, in any case. `undefined`: there
 * is none, or more than one.
 */
export function readHeader(headers: unknown, name: string): string | undefined {
  if (typeof headers !== 'object' || headers === null) return undefined;
  const value = hasGet(headers) ? headers.get(name) : ownValue(headers, name);
  if (Array.isArray(value)) return value.length === 1 ? textOf(value[0]) : undefined;
  return textOf(value);
}

function hasGet(headers: object): headers is { get(name: string): unknown } {
  return 'get' in headers && typeof headers.get === 'function';
}

function ownValue(headers: object, name: string): unknown {
  const key = Object.keys(headers).find((one) => one.toLowerCase() === name);
  return key === undefined ? undefined : (headers as Readonly<Record<string, unknown>>)[key];
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' ? value.trim() : undefined;
}
