/** A member of one `UseOrder`; the links are its. */
export interface Used {
  older: Used | undefined;
  newer: Used | undefined;
}

/** Members in the order of their last use: a list whose links are in the members, so that a use allocates nothing. */
export class UseOrder<Member extends Used> {
  #oldest: Member | undefined;
  #newest: Member | undefined;
  #size = 0;

  get oldest(): Member | undefined {
    return this.#oldest;
  }

  get size(): number {
    return this.#size;
  }

  /** `member` is in no order. */
  add(member: Member): void {
    member.older = this.#newest;
    member.newer = undefined;
    if (this.#newest === undefined) this.#oldest = member;
    else this.#newest.newer = member;
    this.#newest = member;
    this.#size += 1;
  }

  remove(member: Member): void {
    const { older, newer } = member;
    if (older === undefined) this.#oldest = newer as Member | undefined;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older as Member | undefined;
    else newer.older = older;
    member.older = undefined;
    member.newer = undefined;
    this.#size -= 1;
  }

  use(member: Member): void {
    if (member === this.#newest) return;
    this.remove(member);
    this.add(member);
  }
}
