/** A point of the distribution: so many observations are at or below `height`. */
interface Marker {
  height: number;
  position: number;
  /** Where it belongs, and by how much that moves with each observation. */
  desired: number;
  readonly increment: number;
}

const MARKERS = 5;

/**
 * Estimates one quantile in constant memory and time, without keeping the observations. Source: R. Jain and
 * I. Chlamtac, "The P² algorithm for dynamic calculation of quantiles and histograms without storing observations",
 * Communications of the ACM 28 (10), 1985.
 */
export class PSquare {
  count = 0;
  readonly #quantile: number;
  /** The smallest observation, two points around the quantile and itself, the largest. */
  readonly #markers: readonly [Marker, Marker, Marker, Marker, Marker];
  /** Sorted. */
  #first: readonly number[] = [];

  constructor(quantile: number) {
    this.#quantile = quantile;
    this.#markers = [
      createMarker(1, 0),
      createMarker(2, quantile / 2),
      createMarker(3, quantile),
      createMarker(4, (1 + quantile) / 2),
      createMarker(5, 1),
    ];
  }

  /** NaN before the first observation. */
  get estimate(): number {
    if (this.count > MARKERS) return this.#markers[2].height;
    return this.#first[Math.min(this.count - 1, Math.floor(this.#quantile * this.count))] ?? NaN;
  }

  record(observation: number): void {
    this.count += 1;
    if (this.count <= MARKERS) this.#recordFirst(observation);
    else this.#recordNext(observation);
  }

  #recordFirst(observation: number): void {
    this.#first = [...this.#first, observation].sort((one, other) => one - other);
    for (const [index, marker] of this.#markers.entries()) marker.height = this.#first[index] ?? 0;
  }

  #recordNext(observation: number): void {
    const [lowest, lower, middle, upper, highest] = this.#markers;
    lowest.height = Math.min(lowest.height, observation);
    highest.height = Math.max(highest.height, observation);
    for (const marker of this.#markers) {
      if (observation < marker.height || marker === highest) marker.position += 1;
      marker.desired += marker.increment;
    }
    adjust(lowest, lower, middle);
    adjust(lower, middle, upper);
    adjust(middle, upper, highest);
  }
}

function createMarker(position: number, increment: number): Marker {
  return { height: 0, position, desired: 1 + (MARKERS - 1) * increment, increment };
}

/** Moves `here` by one position when it is off by more than that and there is room. */
function adjust(below: Marker, here: Marker, above: Marker): void {
  const offset = here.desired - here.position;
  const isUp = offset >= 1 && above.position - here.position > 1;
  const isDown = offset <= -1 && here.position - below.position > 1;
  if (!isUp && !isDown) return;
  const step = isUp ? 1 : -1;
  const height = parabolic(below, here, above, step);
  const isBetween = below.height < height && height < above.height;
  here.height = isBetween ? height : linear(here, isUp ? above : below, step);
  here.position += step;
}

function parabolic(below: Marker, here: Marker, above: Marker, step: number): number {
  const toBelow = here.position - below.position;
  const toAbove = above.position - here.position;
  const slopeBelow = (here.height - below.height) / toBelow;
  const slopeAbove = (above.height - here.height) / toAbove;
  const weighted = (toBelow + step) * slopeAbove + (toAbove - step) * slopeBelow;
  return here.height + (step * weighted) / (toBelow + toAbove);
}

function linear(here: Marker, neighbour: Marker, step: number): number {
  const slope = (neighbour.height - here.height) / (neighbour.position - here.position);
  return here.height + step * slope;
}
