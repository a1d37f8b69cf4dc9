/** Of all schedulers of the process. */
const inUse = new WeakSet<object>();

/**
 * Takes parts that only one scheduler can have: a controller would learn from two and obey neither, shards are drained by the
 * one that has started them, and a share of a budget has one listener. Of these, `giveBack` returns what can be used again.
 *
 * @throws {TypeError} when another one has a part; then none is taken.
 */
export function claim(parts: Readonly<Record<string, object | null | undefined>>): void {
  const given = Object.entries(parts).flatMap(([name, part]) =>
    part === undefined || part === null ? [] : [{ name, part }],
  );
  const taken = given.find(({ part }) => inUse.has(part));
  if (taken !== undefined) {
    throw new TypeError(`${taken.name} must be of this scheduler alone, got one that another has`);
  }
  for (const { part } of given) inUse.add(part);
}

/** Another scheduler may have the part from now on. */
export function giveBack(part: object | null | undefined): void {
  if (part !== undefined && part !== null) inUse.delete(part);
}
