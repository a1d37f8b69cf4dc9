/** Of all schedulers of the process. */
const inUse = new WeakSet<object>();

/**
 * Takes parts that only one scheduler can have at a time: a controller would learn from two and obey neither, shards are drained
 * by the one that has started them, and a share of a budget has one listener. Returns what gives them back.
 *
 * @throws {TypeError} when another one has a part; then none is taken.
 */
export function claim(parts: Readonly<Record<string, object | undefined>>): () => void {
  const taken: object[] = [];
  for (const [name, part] of Object.entries(parts)) {
    if (part === undefined) continue;
    if (inUse.has(part)) {
      throw new TypeError(
        `${name} must be of this scheduler alone, got one that another uses until it is closed`,
      );
    }
    taken.push(part);
  }
  for (const part of taken) inUse.add(part);
  return () => {
    for (const part of taken) inUse.delete(part);
  };
}
