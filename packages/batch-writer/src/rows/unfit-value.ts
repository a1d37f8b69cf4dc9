/** Says why a value does not fit its column. */
export class UnfitValue extends Error {}

/** A value of the wrong kind: says what is wanted, and what came. */
export function unfit(wanted: string, value: unknown): UnfitValue {
  return new UnfitValue(`must be ${wanted}, got ${nameOf(value)}`);
}

function nameOf(value: unknown): string {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'bigint':
    case 'boolean':
      return JSON.stringify(String(value)).slice(0, 60);
    case 'object':
      if (value === null) return 'null';
      if (Array.isArray(value)) return 'an array';
      return value instanceof Date ? 'a Date' : 'an object';
    default:
      return typeof value;
  }
}
