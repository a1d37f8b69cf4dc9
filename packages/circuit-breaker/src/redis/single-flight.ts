/** Calls for one key, while the first of them runs, share what it gives. */
export class SingleFlight<T> {
  readonly #flights = new Map<string, Promise<T>>();

  get size(): number {
    return this.#flights.size;
  }

  run(key: string, work: () => Promise<T>): Promise<T> {
    const flying = this.#flights.get(key);
    if (flying !== undefined) return flying;
    const flight = work().finally(() => this.#flights.delete(key));
    this.#flights.set(key, flight);
    return flight;
  }
}
