import type { SqlValue } from '../../sqlite/database.ts';
import type { NewUnit, Unit, UnitChanges } from '../outbox-store.ts';

export type Change = keyof UnitChanges;

export const COLUMNS: Readonly<Record<Change, string>> = {
  key: 'key',
  state: 'state',
  priority: 'priority',
  hasDependents: 'has_dependents',
  attempt: 'attempt',
  rounds: 'rounds',
  payload: 'payload',
  wire: 'wire',
  wireSeq: 'wire_seq',
  reason: 'reason',
  quarantinedAtMs: 'quarantined_ms',
};

/** A unit as the driver gives it. */
export interface UnitRow {
  readonly seq: number;
  readonly id: string;
  readonly key: string;
  readonly state: Unit['state'];
  readonly priority: number;
  readonly lanes: string;
  readonly is_group: number;
  readonly has_dependents: number;
  readonly attempt: number;
  readonly rounds: number;
  readonly payload: Uint8Array;
  readonly wire: Uint8Array | null;
  readonly wire_seq: number | null;
  readonly enqueued_ms: number;
  readonly since_ms: number;
  readonly reason: string | null;
  readonly quarantined_ms: number | null;
}

/** In the order of the columns of the statement that inserts it. Written out, because it is made for each append. */
export function toParameters(unit: NewUnit): SqlValue[] {
  return [
    unit.id,
    unit.key,
    unit.state,
    unit.priority,
    JSON.stringify(unit.lanes),
    Number(unit.isGroup),
    Number(unit.hasDependents),
    unit.attempt,
    unit.rounds,
    unit.payload,
    unit.wire,
    unit.wireSeq,
    unit.enqueuedAtMs,
    unit.sinceMs,
    unit.reason,
    unit.quarantinedAtMs,
  ];
}

export function toUnit(row: UnitRow): Unit {
  const { seq, id, key, state, priority, attempt, rounds, payload, wire, reason } = row;
  return {
    ...{ seq, id, key, state, priority, attempt, rounds, reason },
    lanes: JSON.parse(row.lanes) as string[],
    isGroup: row.is_group === 1,
    hasDependents: row.has_dependents === 1,
    payload: new Uint8Array(payload),
    wire: wire === null ? null : new Uint8Array(wire),
    wireSeq: row.wire_seq,
    enqueuedAtMs: row.enqueued_ms,
    sinceMs: row.since_ms,
    quarantinedAtMs: row.quarantined_ms,
  };
}

export function toSql(value: string | number | boolean | Uint8Array | null): SqlValue {
  return typeof value === 'boolean' ? Number(value) : value;
}
