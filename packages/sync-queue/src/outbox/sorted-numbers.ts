/** A set of numbers, kept in order. */
export class SortedNumbers implements Iterable<number> {
  readonly #values: number[] = [];

  add(value: number): void {
    const place = this.#placeOf(value);
    if (this.#values[place] !== value) this.#values.splice(place, 0, value);
  }

  delete(value: number): void {
    const place = this.#placeOf(value);
    if (this.#values[place] === value) this.#values.splice(place, 1);
  }

  get first(): number | undefined {
    return this.#values[0];
  }

  /** Those above `value`. */
  *above(value: number): Generator<number> {
    for (let place = this.#placeOf(value + 1); place < this.#values.length; place += 1) {
      const found = this.#values[place];
      if (found !== undefined) yield found;
    }
  }

  [Symbol.iterator](): Iterator<number> {
    return this.#values[Symbol.iterator]();
  }

  #placeOf(value: number): number {
    let low = 0;
    let high = this.#values.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#values[middle] ?? Infinity) < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
