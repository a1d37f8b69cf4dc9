import type {
  Edge,
  EdgeKind,
  NewUnit,
  OutboxRows,
  OutboxTotals,
  Unit,
  UnitChanges,
  UnitQuery,
} from './outbox-store.ts';
import { SortedNumbers } from './sorted-numbers.ts';

/** The rows in memory. What is done between `begin` and `undo` can be taken back. */
export class MemoryRows implements OutboxRows {
  readonly #units = new Map<number, Unit>();
  readonly #order = new SortedNumbers();
  readonly #seqs = new Map<string, number>();
  readonly #lanes = new Map<string, number[]>();
  readonly #parents = new Map<number, Map<number, EdgeKind>>();
  readonly #children = new Map<number, Map<number, EdgeKind>>();
  /** Sequence numbers, by priority and of all. */
  readonly #ready = new Map<number | 'all', SortedNumbers>();
  readonly #waiting = new SortedNumbers();
  readonly #wireSeqs = new SortedNumbers();
  readonly #meta = new Map<string, string>();
  #totals: OutboxTotals = { count: 0, bytes: 0, quarantined: 0 };
  #lastSeq = 0;
  #undo: (() => void)[] = [];

  begin(): void {
    this.#undo = [];
  }

  undo(): void {
    for (const step of this.#undo.splice(0).reverse()) step();
    this.#undo = [];
  }

  totals(): OutboxTotals {
    return this.#totals;
  }

  insert(unit: NewUnit): number {
    // Numbers of units that were taken back are not used again, as in SQLite with AUTOINCREMENT.
    const seq = (this.#lastSeq += 1);
    this.#put(seq, { ...unit, seq });
    this.#undo.push(() => this.#put(seq, undefined));
    return seq;
  }

  find(id: string): Unit | undefined {
    const seq = this.#seqs.get(id);
    return seq === undefined ? undefined : this.at(seq);
  }

  at(seq: number): Unit | undefined {
    return this.#units.get(seq);
  }

  update(seq: number, changes: UnitChanges): void {
    const before = this.#units.get(seq);
    if (before === undefined) return;
    this.#put(seq, { ...before, ...changes });
    this.#undo.push(() => this.#put(seq, before));
  }

  remove(seq: number): void {
    const before = this.#units.get(seq);
    if (before === undefined) return;
    this.leaveLanes(seq);
    for (const parent of this.parents(seq)) this.unlink(parent.seq, seq);
    for (const child of this.children(seq)) this.unlink(seq, child.seq);
    this.#put(seq, undefined);
    this.#undo.push(() => this.#put(seq, before));
  }

  joinLanes(seq: number, lanes: readonly string[]): void {
    for (const lane of lanes) this.#setLane(lane, [...(this.#lanes.get(lane) ?? []), seq]);
  }

  leaveLanes(seq: number): void {
    for (const lane of this.#units.get(seq)?.lanes ?? []) {
      const rest = (this.#lanes.get(lane) ?? []).filter((other) => other !== seq);
      this.#setLane(lane, rest);
    }
  }

  lane(lane: string, from: 'front' | 'end', limit: number): Unit[] {
    const seqs = this.#lanes.get(lane) ?? [];
    const wanted = from === 'front' ? seqs.slice(0, limit) : seqs.slice(-limit).reverse();
    return this.#unitsOf(wanted, limit);
  }

  link(parent: number, child: number, kind: EdgeKind): void {
    const before = this.#parents.get(child)?.get(parent);
    // One that both comes later and depends on it depends on it.
    if (before === 'needs') return;
    this.#setEdge(parent, child, kind);
    this.#undo.push(() => this.#setEdge(parent, child, before));
  }

  unlink(parent: number, child: number): void {
    const before = this.#parents.get(child)?.get(parent);
    this.#setEdge(parent, child, undefined);
    this.#undo.push(() => this.#setEdge(parent, child, before));
  }

  parents(child: number): Edge[] {
    return edgesOf(this.#parents.get(child));
  }

  children(parent: number): Edge[] {
    return edgesOf(this.#children.get(parent));
  }

  ready(order: 'priority' | 'age', limit: number): Unit[] {
    if (order === 'age') return this.#unitsOf(this.#ready.get('all') ?? [], limit);
    const priorities = [...this.#ready.keys()].filter((key) => key !== 'all').sort((a, b) => a - b);
    const units: Unit[] = [];
    for (const priority of priorities) {
      units.push(...this.#unitsOf(this.#ready.get(priority) ?? [], limit - units.length));
    }
    return units;
  }

  sent(): Pick<Unit, 'seq' | 'id'>[] {
    return [...this.#units.values()].filter(({ state }) => state === 'sent');
  }

  lastSeq(): number {
    return this.#lastSeq;
  }

  oldestWaiting(): Unit | undefined {
    const seq = this.#waiting.first;
    return seq === undefined ? undefined : this.at(seq);
  }

  lowestWireSeq(): number | undefined {
    return this.#wireSeqs.first;
  }

  list({ state, afterSeq, limit }: UnitQuery): Unit[] {
    const found: Unit[] = [];
    for (const seq of this.#order.above(afterSeq)) {
      if (found.length === limit) break;
      const unit = this.#units.get(seq);
      if (unit !== undefined && (state === undefined || unit.state === state)) found.push(unit);
    }
    return found;
  }

  meta(name: string): string | undefined {
    return this.#meta.get(name);
  }

  setMeta(name: string, value: string): void {
    const before = this.#meta.get(name);
    this.#meta.set(name, value);
    this.#undo.push(() => {
      if (before === undefined) this.#meta.delete(name);
      else this.#meta.set(name, before);
    });
  }

  /** Writes a unit, or takes it away, and brings every index in line. */
  #put(seq: number, unit: Unit | undefined): void {
    const before = this.#units.get(seq);
    if (before !== undefined) this.#unindex(before);
    if (unit === undefined) this.#units.delete(seq);
    else {
      this.#units.set(seq, unit);
      this.#index(unit);
    }
    this.#totals = {
      count: this.#units.size,
      bytes: this.#totals.bytes + bytesOf(unit) - bytesOf(before),
      quarantined: this.#totals.quarantined + isQuarantined(unit) - isQuarantined(before),
    };
  }

  #index(unit: Unit): void {
    const { seq, id, priority, state, wireSeq } = unit;
    this.#seqs.set(id, seq);
    this.#order.add(seq);
    if (state === 'ready')
      for (const key of ['all', priority] as const) this.#readyOf(key).add(seq);
    if (isWaiting(unit)) this.#waiting.add(seq);
    if (wireSeq !== null) this.#wireSeqs.add(wireSeq);
  }

  #unindex({ seq, id, priority, wireSeq }: Unit): void {
    this.#seqs.delete(id);
    this.#order.delete(seq);
    for (const key of ['all', priority] as const) this.#readyOf(key).delete(seq);
    this.#waiting.delete(seq);
    if (wireSeq !== null) this.#wireSeqs.delete(wireSeq);
  }

  #readyOf(key: number | 'all'): SortedNumbers {
    const found = this.#ready.get(key) ?? new SortedNumbers();
    this.#ready.set(key, found);
    return found;
  }

  #setLane(lane: string, seqs: number[]): void {
    const before = this.#lanes.get(lane);
    this.#lanes.set(lane, seqs);
    if (seqs.length === 0) this.#lanes.delete(lane);
    this.#undo.push(() => {
      if (before === undefined) this.#lanes.delete(lane);
      else this.#lanes.set(lane, before);
    });
  }

  #setEdge(parent: number, child: number, kind: EdgeKind | undefined): void {
    setIn(this.#parents, child, parent, kind);
    setIn(this.#children, parent, child, kind);
  }

  #unitsOf(seqs: Iterable<number>, limit: number): Unit[] {
    const units: Unit[] = [];
    for (const seq of seqs) {
      if (units.length >= limit) break;
      const unit = this.#units.get(seq);
      if (unit !== undefined) units.push(unit);
    }
    return units;
  }
}

function setIn(
  edges: Map<number, Map<number, EdgeKind>>,
  from: number,
  to: number,
  kind: EdgeKind | undefined,
): void {
  const found = edges.get(from) ?? new Map<number, EdgeKind>();
  if (kind === undefined) found.delete(to);
  else found.set(to, kind);
  if (found.size === 0) edges.delete(from);
  else edges.set(from, found);
}

function edgesOf(edges: ReadonlyMap<number, EdgeKind> = new Map()): Edge[] {
  return [...edges].map(([seq, kind]) => ({ seq, kind })).sort((a, b) => a.seq - b.seq);
}

function bytesOf(unit: Unit | undefined): number {
  return unit?.payload.length ?? 0;
}

function isQuarantined(unit: Unit | undefined): number {
  return unit?.state === 'quarantined' ? 1 : 0;
}

function isWaiting({ state }: Unit): boolean {
  return state !== 'parked' && state !== 'quarantined';
}
