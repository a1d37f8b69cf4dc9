/** As `describe`, without telling what a text holds. */
export function describeKind(value: unknown): string {
  return typeof value === 'string' ? 'a string' : describe(value);
}

/** A value as messages show it. */
export function describe(value: unknown): string {
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
