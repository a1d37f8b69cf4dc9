import { textOf } from '../text-of.ts';
import { chooseBatch, sharedOut, type BatchBounds, type Candidate } from './choose-batch.ts';
import { wireBody, type OpPayload } from './op-payload.ts';
import type { OutboxRows, Unit } from './outbox-store.ts';
import { quarantineUnit } from './unit-graph.ts';
import type { WireOp } from './wire.ts';

/** A unit that is about to be sent. */
export interface FrozenUnit {
  readonly seq: number;
  readonly id: string;
  readonly attempt: number;
  readonly rounds: number;
  readonly wire: WireOp;
}

export interface FrozenBatch {
  readonly units: readonly FrozenUnit[];
  readonly ackedSeq: number;
  /** They cannot be read, and are in quarantine now. */
  readonly unreadable: readonly {
    readonly seq: number;
    readonly id: string;
    readonly reason: string;
  }[];
  /** Of `due`, those that are not held any more. */
  readonly gone: readonly number[];
}

export interface FreezeRequest {
  /** Units that were sent before and may be sent again. */
  readonly due: readonly number[];
  readonly bounds: BatchBounds;
  readonly payload: OpPayload;
  readonly failuresOf: (seq: number) => number;
  readonly wallNowMs: number;
}

/** Chooses the units of a request and fixes what is sent of them, for good: their bytes and their numbers. */
export function freezeBatch(rows: OutboxRows, request: FreezeRequest): FrozenBatch {
  const { due, bounds, failuresOf } = request;
  const candidates = new Map<number, Candidate & { readonly unit: Unit }>();
  const sent = due.map((seq) => rows.at(seq));
  const oldest = rows.ready('age', sharedOut(bounds.maxOps));
  for (const unit of [...sent, ...rows.ready('priority', bounds.maxOps), ...oldest]) {
    if (unit === undefined) continue;
    const { seq, priority } = unit;
    const bytes = (unit.wire ?? unit.payload).length;
    candidates.set(seq, { seq, priority, bytes, failures: failuresOf(seq), unit });
  }
  const units: FrozenUnit[] = [];
  const unreadable: { seq: number; id: string; reason: string }[] = [];
  for (const { unit } of chooseBatch([...candidates.values()], bounds)) {
    const frozen = freeze(rows, unit, request);
    if (typeof frozen === 'string') unreadable.push({ seq: unit.seq, id: unit.id, reason: frozen });
    else units.push(frozen);
  }
  return {
    units,
    unreadable,
    ackedSeq: ackedSeq(rows),
    gone: due.filter((seq) => rows.at(seq) === undefined),
  };
}

/** Up to this number the client will never send anything again. */
export function ackedSeq(rows: OutboxRows): number {
  return (rows.lowestWireSeq() ?? lastWireSeq(rows) + 1) - 1;
}

function freeze(rows: OutboxRows, unit: Unit, request: FreezeRequest): FrozenUnit | string {
  const { payload, wallNowMs } = request;
  const { seq, id, key, attempt, rounds } = unit;
  const isOpen = unit.wire !== null;
  try {
    const body =
      unit.wire === null ? wireBody(payload.decode(unit.payload)) : payload.thaw(unit.wire);
    const wireSeq = unit.wireSeq ?? lastWireSeq(rows) + 1;
    if (!isOpen) rows.setMeta('wireSeq', String(wireSeq));
    if (unit.state !== 'sent') {
      rows.update(seq, { state: 'sent', wire: unit.wire ?? payload.freeze(body), wireSeq });
    }
    return { seq, id, attempt, rounds, wire: { key, seq: wireSeq, body } };
  } catch (error) {
    const reason = `the payload cannot be read: ${textOf(error)}`;
    quarantineUnit(rows, seq, { reason, nowMs: wallNowMs, isOpen });
    return reason;
  }
}

function lastWireSeq(rows: OutboxRows): number {
  return Number(rows.meta('wireSeq') ?? 0);
}
