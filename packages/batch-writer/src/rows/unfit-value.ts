/** Says why a value does not fit its column. */
export class UnfitValue extends Error {}

/** A value of the wrong kind: says what is wanted, and what came. */
export function unfit(wanted: string, value: unknown): UnfitValue {
  return new UnfitValue(`must be ${wanted}, got ${nameOf(value)}`);
}

function nameOf(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value).slice(0, 60);
    case 'bigint':
      return `${value}n`.slice(0, 60);
    // As they stand in the program: between quotes they would be the string that is wanted.
    case 'number':
    case 'boolean':
      return String(value);
    case 'object':
      if (value === null) return 'null';
      if (Array.isArray(value)) return 'an array';
      return value instanceof Date ? 'a Date' : 'an object';
    default:
      return typeof value;
  }
}
