/** A place in a line. */
export interface Place<T> {
  readonly item: T;
  isTaken: boolean;
  before: Place<T> | undefined;
  behind: Place<T> | undefined;
}

/** First in, first out; whoever stands in it can leave from anywhere. Joining, leaving and taking the first are O(1). */
export class WaitingLine<T> {
  length = 0;
  #first: Place<T> | undefined;
  #last: Place<T> | undefined;

  get first(): T | undefined {
    return this.#first?.item;
  }

  join(item: T): Place<T> {
    const place: Place<T> = { item, isTaken: true, before: this.#last, behind: undefined };
    if (this.#last === undefined) this.#first = place;
    else this.#last.behind = place;
    this.#last = place;
    this.length += 1;
    return place;
  }

  /** Harmless when the place has been left before. */
  leave(place: Place<T>): void {
    if (!place.isTaken) return;
    place.isTaken = false;
    const { before, behind } = place;
    if (before === undefined) this.#first = behind;
    else before.behind = behind;
    if (behind === undefined) this.#last = before;
    else behind.before = before;
    // Else places that were left in a row would keep each other in memory.
    place.before = undefined;
    place.behind = undefined;
    this.length -= 1;
  }

  takeFirst(): T | undefined {
    const place = this.#first;
    if (place === undefined) return undefined;
    this.leave(place);
    return place.item;
  }
}
