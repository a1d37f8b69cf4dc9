import { PSquare } from './p-square.ts';

/** The estimate rests on the last so many observations, and on up to twice as many. */
const GENERATION = 1_000;

/**
 * A quantile of recent observations, in constant memory and time. Two estimators overlap: each begins one generation
 * after the other, and when the older one has seen two generations it is dropped and the younger one takes its place.
 */
export class RecentQuantile {
  /** How many observations there have been. */
  total = 0;
  readonly #quantile: number;
  #older: PSquare;
  #younger: PSquare;

  constructor(quantile: number) {
    this.#quantile = quantile;
    this.#older = new PSquare(quantile);
    this.#younger = new PSquare(quantile);
  }

  /** How many observations the estimate rests on; falls with each generation. */
  get count(): number {
    return this.#older.count;
  }

  get estimate(): number {
    return this.#older.estimate;
  }

  record(observation: number): void {
    this.total += 1;
    this.#older.record(observation);
    if (this.#older.count > GENERATION) this.#younger.record(observation);
    if (this.#older.count < 2 * GENERATION) return;
    this.#older = this.#younger;
    this.#younger = new PSquare(this.#quantile);
  }
}
