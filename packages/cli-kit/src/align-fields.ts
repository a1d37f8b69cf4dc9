/** Names and what they stand for, a line each, one below the other; null: the line is left out. */
export function alignFields(all: readonly (readonly [string, string | null])[]): string {
  const shown = all.filter((field): field is readonly [string, string] => field[1] !== null);
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join('');
}
