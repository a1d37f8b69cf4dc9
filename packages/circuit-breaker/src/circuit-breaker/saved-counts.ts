/** @throws {RangeError} unless `saved` is an array of `length` integers of at least 0. */
export function requireSavedCounts(saved: readonly number[], length: number): readonly number[] {
  const counts: unknown = saved;
  const isFine =
    Array.isArray(counts) &&
    counts.length === length &&
    counts.every((count) => Number.isSafeInteger(count) && count >= 0);
  if (isFine) return saved;
  const got = JSON.stringify(saved);
  throw new RangeError(`restore.window must be ${length} integers of at least 0, got ${got}`);
}
