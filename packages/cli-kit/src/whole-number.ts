/** The number that a flag gives; undefined when it is not given. @throws {TypeError} naming the flag. */
export function wholeNumber(flag: string, given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  if (/^\d{1,12}$/.test(given)) return Number(given);
  throw new TypeError(`${flag} must be a whole number, got ${JSON.stringify(given)}`);
}
