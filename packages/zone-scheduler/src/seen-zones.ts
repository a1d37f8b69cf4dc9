/**
 * In which cycle each zone was given last, to find those that come twice in one. Kept from cycle to cycle: a set for each
 * would be grown anew for the same thousands of ids each time.
 */
export class SeenZones {
  readonly #seen = new Map<string, { cycle: number }>();

  /** Returns whether the zone comes for the first time in the cycle. */
  isFirst(zoneId: string, cycle: number): boolean {
    const seen = this.#seen.get(zoneId);
    if (seen === undefined) {
      this.#seen.set(zoneId, { cycle });
      return true;
    }
    if (seen.cycle === cycle) return false;
    seen.cycle = cycle;
    return true;
  }

  /** Forgets the zones that did not come in the cycle, if those that did are `count`. */
  keepOnly(cycle: number, count: number): void {
    if (this.#seen.size === count) return;
    for (const [zoneId, seen] of this.#seen) {
      if (seen.cycle !== cycle) this.#seen.delete(zoneId);
    }
  }
}
