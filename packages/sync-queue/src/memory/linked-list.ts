/** A place in one list at a time. */
export interface Link<T> {
  readonly value: T;
  list: LinkedList<T> | undefined;
  previous: Link<T> | undefined;
  next: Link<T> | undefined;
}

export function createLink<T>(value: T): Link<T> {
  return { value, list: undefined, previous: undefined, next: undefined };
}

/** A list whose ends and members are added and removed in constant time. */
export class LinkedList<T> {
  #first: Link<T> | undefined;
  #last: Link<T> | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get first(): T | undefined {
    return this.#first?.value;
  }

  pushBack(link: Link<T>): void {
    this.#insertBehind(this.#last, link);
  }

  pushFront(link: Link<T>): void {
    this.#insertBehind(undefined, link);
  }

  /** Behind the last member that `isBefore` says is to stand before it; looked for from the front. */
  insertSorted(link: Link<T>, isBefore: (other: T) => boolean): void {
    if (this.#last !== undefined && isBefore(this.#last.value)) {
      this.pushBack(link);
      return;
    }
    let previous: Link<T> | undefined;
    let next = this.#first;
    while (next !== undefined && isBefore(next.value)) {
      previous = next;
      next = next.next;
    }
    this.#insertBehind(previous, link);
  }

  remove(link: Link<T>): void {
    if (link.list !== this) return;
    if (link.previous === undefined) this.#first = link.next;
    else link.previous.next = link.next;
    if (link.next === undefined) this.#last = link.previous;
    else link.next.previous = link.previous;
    link.list = undefined;
    link.previous = undefined;
    link.next = undefined;
    this.#length -= 1;
  }

  *fromFront(): Generator<T> {
    for (let link = this.#first; link !== undefined; link = link.next) yield link.value;
  }

  *fromBack(): Generator<T> {
    for (let link = this.#last; link !== undefined; link = link.previous) yield link.value;
  }

  #insertBehind(previous: Link<T> | undefined, link: Link<T>): void {
    const next = previous === undefined ? this.#first : previous.next;
    link.list = this;
    link.previous = previous;
    link.next = next;
    if (previous === undefined) this.#first = link;
    else previous.next = link;
    if (next === undefined) this.#last = link;
    else next.previous = link;
    this.#length += 1;
  }
}
