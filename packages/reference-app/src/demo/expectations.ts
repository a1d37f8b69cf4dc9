import type { Micros } from '../system/timestamp.ts';

/** What one series (a node's metric) must hold once everything that was acknowledged is stored. */
export interface ExpectedSeries {
  readonly uid: string;
  readonly metric: string;
  /** Time → the first value that was published for it. */
  readonly values: ReadonlyMap<Micros, number>;
  /** Time → further values that were published for it: any one of them may be the one that is stored. */
  readonly others: ReadonlyMap<Micros, ReadonlySet<number>>;
  readonly newest: Micros;
}

interface MutableSeries extends ExpectedSeries {
  values: Map<Micros, number>;
  others: Map<Micros, Set<number>>;
  newest: Micros;
}

/**
 * Remembers every valid sample that the broker has acknowledged: about 50 bytes a sample. It shares only the reading of
 * times with the path that stores the samples, so that the two can be compared.
 */
export class Expectations {
  readonly #series = new Map<string, MutableSeries>();
  readonly #nodes = new Set<string>();

  add(uid: string, ts: Micros, values: Readonly<Record<string, unknown>>): void {
    this.#nodes.add(uid);
    for (const [metric, raw] of Object.entries(values)) {
      if (typeof raw === 'number' && Number.isFinite(raw)) this.#addValue(uid, metric, ts, raw);
      else if (typeof raw === 'boolean') this.#addValue(uid, metric, ts, raw ? 1 : 0);
    }
  }

  get nodes(): ReadonlySet<string> {
    return this.#nodes;
  }

  get seriesCount(): number {
    return this.#series.size;
  }

  *series(): Iterable<ExpectedSeries> {
    yield* this.#series.values();
  }

  #addValue(uid: string, metric: string, ts: Micros, value: number): void {
    const key = JSON.stringify([uid, metric]);
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { uid, metric, values: new Map(), others: new Map(), newest: ts };
      this.#series.set(key, series);
    }
    const known = series.values.get(ts);
    if (known === undefined) series.values.set(ts, value);
    else if (known !== value) {
      series.others.set(ts, (series.others.get(ts) ?? new Set()).add(value));
    }
    if (ts > series.newest) series.newest = ts;
  }
}
