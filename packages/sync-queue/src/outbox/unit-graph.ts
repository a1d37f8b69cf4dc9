import type { NewUnit, OutboxRows, Unit, UnitState } from './outbox-store.ts';

/*
 * What waits for what. A unit waits for the unit before it on each of its lanes (`order`) and for those that it depends
 * on (`needs`). Edges of settled units are gone, so a unit without parents is ready.
 */

/** Adds a unit after `ends`, the last units of its lanes, and after those with the ids `dependsOn`. */
export function addUnit(
  rows: OutboxRows,
  unit: Omit<NewUnit, 'state'>,
  { ends, dependsOn }: { readonly ends: readonly Unit[]; readonly dependsOn: readonly string[] },
): void {
  // What is not held is settled.
  const needed = dependsOn.map((id) => rows.find(id)).filter((parent) => parent !== undefined);
  const state = stateAfter([...ends, ...needed].map((parent) => parent.state));
  const seq = rows.insert({ ...unit, state });
  for (const parent of ends) rows.link(parent.seq, seq, 'order');
  for (const parent of needed) {
    rows.link(parent.seq, seq, 'needs');
    rows.update(parent.seq, { hasDependents: true });
  }
  rows.joinLanes(seq, unit.lanes);
}

/** Takes a settled unit away; what waited for it alone is ready. */
export function removeUnit(rows: OutboxRows, seq: number): void {
  const children = handDown(rows, seq, () => true);
  rows.remove(seq);
  refresh(rows, children);
}

/** Takes back a unit that was never sent and that nothing depends on; its number, when that was possible. */
export function cancelUnit(rows: OutboxRows, id: string): number | undefined {
  const unit = rows.find(id);
  // Undefined is not null either.
  if (unit?.wire !== null || unit.state === 'quarantined') return undefined;
  if (rows.children(unit.seq).some(({ kind }) => kind === 'needs')) return undefined;
  removeUnit(rows, unit.seq);
  return unit.seq;
}

/** Its lanes go on without it; what depends on it is parked. */
export function quarantineUnit(
  rows: OutboxRows,
  seq: number,
  { reason, nowMs, isOpen }: { reason: string; nowMs: number; isOpen: boolean },
): void {
  const later = handDown(rows, seq, (kind) => kind === 'order');
  for (const { seq: parent } of rows.parents(seq)) rows.unlink(parent, seq);
  rows.leaveLanes(seq);
  // What may still be applied keeps its bytes and its number, so that it can only be sent as it was.
  const sent = isOpen ? {} : { wire: null, wireSeq: null };
  rows.update(seq, { state: 'quarantined', reason, quarantinedAtMs: nowMs, ...sent });
  refresh(rows, [...later, ...rows.children(seq).map((child) => child.seq)]);
}

/** Puts a unit out of quarantine at the end of its lanes, before what is parked there. */
export function redriveUnit(rows: OutboxRows, unit: Unit, newKey: string): Unit {
  const isFrozen = unit.wire !== null;
  rows.update(unit.seq, {
    ...(isFrozen ? {} : { key: newKey }),
    ...{ state: 'ready', reason: null, quarantinedAtMs: null, attempt: 0, rounds: 0 },
  });
  for (const lane of unit.lanes) {
    const before = lastActive(rows, lane);
    if (before !== undefined) rows.link(before.seq, unit.seq, 'order');
  }
  rows.joinLanes(unit.seq, unit.lanes);
  const redriven = settleState(rows, unit.seq);
  refresh(
    rows,
    rows.children(unit.seq).map((child) => child.seq),
  );
  return redriven;
}

/** Deletes a unit in quarantine. What depends on it follows it there, for it cannot be applied. */
export function purgeUnit(rows: OutboxRows, seq: number, nowMs: number): void {
  for (const child of rows.children(seq)) {
    rows.unlink(seq, child.seq);
    if (child.kind !== 'needs') continue;
    quarantineUnit(rows, child.seq, {
      reason: 'what it depends on was purged',
      nowMs,
      isOpen: false,
    });
  }
  rows.remove(seq);
}

/** What is parked waits for a person and holds up nobody who does not depend on it. */
function lastActive(rows: OutboxRows, lane: string): Unit | undefined {
  for (let limit = 1; ; limit *= 4) {
    const units = rows.lane(lane, 'end', limit);
    const active = units.find(({ state }) => state !== 'parked');
    if (active !== undefined || units.length < limit) return active;
  }
}

/** Those that waited for a unit wait for what it waits for itself, so that a lane keeps its order. */
function handDown(
  rows: OutboxRows,
  seq: number,
  concerns: (kind: 'order' | 'needs') => boolean,
): number[] {
  const parents = rows.parents(seq);
  const children = rows.children(seq).filter(({ kind }) => concerns(kind));
  for (const child of children) {
    rows.unlink(seq, child.seq);
    const held = new Set(rows.parents(child.seq).map((parent) => parent.seq));
    for (const parent of parents) {
      if (!held.has(parent.seq)) rows.link(parent.seq, child.seq, 'order');
    }
  }
  return children.map((child) => child.seq);
}

/** Works out the states of units anew, and of all that waits for one whose state has changed. */
function refresh(rows: OutboxRows, seqs: readonly number[]): void {
  const left = [...seqs];
  for (let seq = left.pop(); seq !== undefined; seq = left.pop()) {
    const before = rows.at(seq)?.state;
    if (before === undefined || before === 'quarantined' || before === 'sent') continue;
    const { state } = settleState(rows, seq);
    if ((before === 'parked') === (state === 'parked')) continue;
    left.push(...rows.children(seq).map((child) => child.seq));
  }
}

function settleState(rows: OutboxRows, seq: number): Unit {
  const unit = rows.at(seq);
  if (unit === undefined) throw new Error(`unit ${seq} is gone`);
  const state = stateOf(rows, unit);
  if (state !== unit.state) rows.update(seq, { state });
  return { ...unit, state };
}

function stateOf(rows: OutboxRows, unit: Unit): UnitState {
  return stateAfter(rows.parents(unit.seq).map(({ seq }) => rows.at(seq)?.state));
}

/** Of a unit whose parents are in these states. */
function stateAfter(parents: readonly (UnitState | undefined)[]): UnitState {
  if (parents.includes('parked') || parents.includes('quarantined')) return 'parked';
  return parents.length > 0 ? 'blocked' : 'ready';
}
