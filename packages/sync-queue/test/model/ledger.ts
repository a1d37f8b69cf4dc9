import type { Claim, Lease, SettleAnswer, Settlement, StoreStats } from '@holdfast/sync-queue';

/** Where the ledger believes an item to be. */
type Place = 'live' | 'leased' | 'dead' | 'done' | 'purged';

interface Entry {
  readonly id: string;
  readonly order: number;
  readonly priority: number;
  readonly key: string | undefined;
  /** Order holds between items of one shard. */
  readonly shard: string;
  text: string;
  place: Place;
  attempt: number;
  triesFrom: number;
  isShort: boolean;
  /** Its lease has run out for sure: the next claim takes it back. */
  isExpired: boolean;
  /** Such a claim may have asked its shard, or not. */
  isUnsure: boolean;
  wasClaimed: boolean;
  wasDead: boolean;
  /** Ready since it came, for sure: it was not delayed, and no key holds it back. */
  isPlain: boolean;
}

interface ClaimFacts {
  readonly isShort: boolean;
  /** Whether every shard was asked. */
  readonly isWhole: boolean;
  readonly isPaused: (entry: Entry) => boolean;
}

/**
 * What must be true of a queue, kept beside it in the simplest way: every item in one place, exact counts and bytes, growing
 * fences, one holder at a time, the order of keys and priorities. It shares no code with the stores and keeps no time.
 */
export class Ledger {
  readonly entries = new Map<string, Entry>();
  readonly #maxTries: number;
  /** How many items were accepted in all. */
  accepted = 0;
  #order = 0;

  constructor(maxTries: number) {
    this.#maxTries = maxTries;
  }

  accept(id: string, facts: Pick<Entry, 'text' | 'priority' | 'key' | 'isPlain'>): void {
    if (this.entries.has(id)) throw new Error(`id ${id} was given twice`);
    this.accepted += 1;
    this.#order += 1;
    const shard = /^\d+(?=-)/.exec(id)?.[0] ?? '';
    this.entries.set(id, {
      ...{
        ...facts,
        id,
        shard,
        isUnsure: false,
        order: this.#order,
        place: 'live',
        attempt: 0,
        triesFrom: 0,
      },
      ...{ isShort: false, isExpired: false, wasClaimed: false, wasDead: false },
    });
  }

  coalesce(id: string, text: string | undefined): void {
    const entry = this.#get(id);
    if (entry.place !== 'live' || entry.wasClaimed) throw new Error(`${id} cannot be coalesced`);
    if (text !== undefined) entry.text = text;
  }

  shortLeasesRanOut(): void {
    for (const entry of this.entries.values()) {
      if (entry.place === 'leased' && entry.isShort) entry.isExpired = true;
    }
  }

  claim({ items, died }: Claim, { isShort, isWhole, isPaused }: ClaimFacts): void {
    for (const { id } of died) {
      const entry = this.#get(id);
      const tries = entry.attempt - entry.triesFrom;
      if (!entry.isExpired || tries < this.#maxTries) throw new Error(`${id} died too early`);
      this.#die(entry);
    }
    const claimedIds = new Set(items.map(({ id }) => id));
    const before = [...this.entries.values()].filter(({ place }) => place === 'live');
    for (const item of items) {
      const entry = this.#get(item.id);
      const isFree = entry.place === 'live' || (entry.place === 'leased' && entry.isExpired);
      if (!isFree) throw new Error(`${item.id} was claimed while it was ${entry.place}`);
      if (isPaused(entry)) throw new Error(`${item.id} was claimed while it was paused`);
      if (item.attempt !== entry.attempt + 1)
        throw new Error(`${item.id}: attempt ${item.attempt}`);
      if (item.tries !== item.attempt - entry.triesFrom) throw new Error(`${item.id}: tries`);
      const text = Buffer.from(item.payload).toString();
      if (text !== entry.text) throw new Error(`${item.id} holds ${text}, not ${entry.text}`);
      this.#checkKey(entry);
      this.#checkOrder(entry, before, claimedIds, isPaused);
      entry.attempt = item.attempt;
      entry.place = 'leased';
      entry.isExpired = false;
      entry.isUnsure = false;
      entry.isShort = isShort;
      entry.wasClaimed = true;
    }
    // What ran out and was not claimed again is free now, too, where it was asked for.
    for (const entry of this.entries.values()) {
      if (entry.place !== 'leased' || !entry.isExpired) continue;
      if (isWhole) this.#free(entry);
      else entry.isUnsure = true;
    }
  }

  settle(settlement: Settlement, answer: SettleAnswer): void {
    const entry = this.entries.get(settlement.id);
    const isHeld = this.#isHeld(entry, settlement, answer !== 'stale');
    if (isHeld !== (answer !== 'stale')) throw new Error(`${settlement.id}: settled as ${answer}`);
    if (entry === undefined || !isHeld) return;
    entry.isExpired = false;
    entry.isUnsure = false;
    if (settlement.status === 'ack') entry.place = 'done';
    else if (settlement.status === 'dead' && answer === 'settled') this.#die(entry);
    else entry.place = 'live';
  }

  extend({ id, attempt }: Lease, isHeld: boolean): void {
    const entry = this.entries.get(id);
    const expected = this.#isHeld(entry, { attempt }, isHeld);
    if (expected !== isHeld) throw new Error(`${id}: extended ${isHeld}`);
    if (entry === undefined || !isHeld) return;
    entry.isExpired = false;
    entry.isUnsure = false;
    entry.isShort = false;
  }

  redrive(id: string): void {
    const entry = this.#get(id);
    if (entry.place !== 'dead') throw new Error(`${id} was redriven while it was ${entry.place}`);
    entry.place = 'live';
    entry.triesFrom = entry.attempt;
  }

  purge(id: string): void {
    this.#get(id).place = 'purged';
  }

  evict(id: string): void {
    this.#die(this.#get(id));
  }

  /** What a queue that is full may have evicted: also that of which it is not sure whether its lease was taken back. */
  evictable(): string[] {
    return [...this.entries.values()]
      .filter(({ place, isUnsure }) => place === 'live' || isUnsure)
      .map(({ id }) => id);
  }

  leases(): Lease[] {
    return this.#in('leased').map(({ id, attempt }) => ({ id, attempt }));
  }

  check({ count, bytes, ready, delayed, leased, waiting, dead, deadBytes }: StoreStats): void {
    const live = this.#in('live', 'leased');
    const buried = this.#in('dead');
    const expected = {
      ...{
        count: live.length,
        bytes: sizeOf(live),
        dead: buried.length,
        deadBytes: sizeOf(buried),
      },
    };
    for (const [name, value] of Object.entries(expected)) {
      const found = { count, bytes, dead, deadBytes }[name];
      if (found !== value) throw new Error(`${name} is ${found}, and should be ${value}`);
    }
    const sum = ready + delayed + leased + waiting;
    if (sum !== count) throw new Error(`${sum} items are somewhere, ${count} are counted`);
    const held = this.#in('leased');
    const sure = held.filter(({ isUnsure }) => !isUnsure);
    if (leased > held.length || leased < sure.length) throw new Error(`${leased} items are leased`);
  }

  ids(...places: Place[]): string[] {
    return this.#in(...places).map(({ id }) => id);
  }

  /** Of items that no dead letter ever was: such a one may come back before those that came behind it. */
  #checkKey(entry: Entry): void {
    if (entry.key === undefined) return;
    for (const other of this.entries.values()) {
      if (other === entry || other.key !== entry.key) continue;
      const isHeld = other.place === 'leased' && !other.isExpired;
      if (isHeld)
        throw new Error(`${entry.id} and ${other.id} of key ${entry.key} are held at once`);
      const isBefore = other.place === 'live' && other.order < entry.order;
      if (isBefore && !other.wasDead && !entry.wasDead) {
        throw new Error(`${entry.id} of key ${entry.key} was claimed before ${other.id}`);
      }
    }
  }

  /** No item that was ready for sure may be passed over by a less urgent one, or by one of its priority that came later. */
  #checkOrder(
    entry: Entry,
    before: readonly Entry[],
    claimedIds: ReadonlySet<string>,
    isPaused: (entry: Entry) => boolean,
  ): void {
    if (entry.wasClaimed) return;
    for (const other of before) {
      if (other.shard !== entry.shard || claimedIds.has(other.id)) continue;
      if (!other.isPlain || other.wasClaimed || isPaused(other)) continue;
      const isPassedOver =
        other.priority < entry.priority ||
        (entry.isPlain && other.priority === entry.priority && other.order < entry.order);
      if (isPassedOver) throw new Error(`${other.id} was passed over by ${entry.id}`);
    }
  }

  /** Whether the lease is held; where that is not sure, what the store has `answered`. */
  #isHeld(
    entry: Entry | undefined,
    { attempt }: { readonly attempt: number },
    answered: boolean,
  ): boolean {
    if (entry?.place !== 'leased' || entry.attempt !== attempt) return false;
    if (!entry.isUnsure || answered) return true;
    this.#free(entry);
    return false;
  }

  #free(entry: Entry): void {
    entry.place = 'live';
    entry.isExpired = false;
    entry.isUnsure = false;
  }

  #die(entry: Entry): void {
    entry.place = 'dead';
    entry.isExpired = false;
    entry.isUnsure = false;
    entry.wasDead = true;
    entry.wasClaimed = true;
  }

  #get(id: string): Entry {
    const entry = this.entries.get(id);
    if (entry === undefined) throw new Error(`nobody has added ${id}`);
    return entry;
  }

  #in(...places: Place[]): Entry[] {
    return [...this.entries.values()].filter(({ place }) => places.includes(place));
  }
}

function sizeOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
}
