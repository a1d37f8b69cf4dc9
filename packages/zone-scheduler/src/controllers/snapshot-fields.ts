/** What `snapshot()` of a controller gives: its kind, and numbers. Null is what is not known yet. */
export type SnapshotFields = Readonly<Record<string, string | number | null | readonly number[]>>;

/** Reads what `snapshot()` gave, perhaps a process ago. Every mistake is a TypeError: the snapshot is not one of ours. */
export class SnapshotReader {
  readonly #fields: Readonly<Record<string, unknown>>;

  /** @throws {TypeError} unless `snapshot` is one of a controller of that kind. */
  constructor(kind: string, snapshot: unknown) {
    const fields = (typeof snapshot === 'object' ? snapshot : null) as Record<
      string,
      unknown
    > | null;
    if (fields?.['kind'] !== kind) {
      throw new TypeError(`snapshot must be one of a controller of the kind ${kind}`);
    }
    this.#fields = fields;
  }

  /** @throws {TypeError} unless the field is a finite number of at least `min`. */
  number(name: string, min = 0): number {
    const value = this.#fields[name];
    if (typeof value === 'number' && Number.isFinite(value) && value >= min) return value;
    throw new TypeError(`snapshot.${name} must be a number of at least ${min}`);
  }

  /** @throws {TypeError} unless the field is null, for which NaN stands, or as `number`. */
  numberOrNaN(name: string): number {
    return this.#fields[name] === null ? NaN : this.number(name);
  }

  /** @throws {TypeError} unless the field is a list of at most `most` numbers of at least 0. */
  numbers(name: string, most: number): number[] {
    const value: unknown = this.#fields[name];
    const isList =
      Array.isArray(value) &&
      value.length <= most &&
      value.every((one) => Number.isFinite(one) && (one as number) >= 0);
    if (isList) return [...(value as number[])];
    throw new TypeError(`snapshot.${name} must be a list of at most ${most} numbers`);
  }
}

/** JSON has no NaN. */
export function orNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
