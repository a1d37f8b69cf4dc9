/**
 * Finds the zones that come twice in one cycle. Most sources give the same zones in the same order each time: then
 * each id is compared with the one at its place in the cycle before, and nothing has to be looked up.
 *
 * - in order      from the start of each cycle: all ids so far are those of the cycle before
 * - out of order  entered with the first id that is another; they are looked up in a set until the cycle is over
 */
export class SeenZones {
  /** In the order in which they came first. No id is in it twice. */
  readonly #order: string[] = [];
  /** How many different ones the cycle has given. */
  #count = 0;
  /** Out of order: those of the cycle. */
  #seen: Set<string> | undefined;

  /** How many ids are kept. */
  get size(): number {
    return this.#order.length;
  }

  begin(): void {
    this.#count = 0;
    this.#seen = undefined;
  }

  /** Returns whether the zone comes for the first time in the cycle. */
  isFirst(zoneId: string): boolean {
    if (this.#seen === undefined) {
      if (this.#order[this.#count] === zoneId) {
        this.#count += 1;
        return true;
      }
      // What has not come yet may come in any order now.
      this.#order.length = this.#count;
      this.#seen = new Set(this.#order);
    }
    if (this.#seen.has(zoneId)) return false;
    this.#seen.add(zoneId);
    this.#order.push(zoneId);
    this.#count += 1;
    return true;
  }

  /** The source was read to its end: forgets the zones that it no longer gives. */
  end(): void {
    this.#order.length = this.#count;
    this.#seen = undefined;
  }
}
