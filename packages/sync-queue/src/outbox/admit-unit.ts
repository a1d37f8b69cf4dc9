import { ItemTooLargeError } from '../errors.ts';
import { coalesce } from './coalesce.ts';
import { laneOf, type Op } from './op.ts';
import type { OpPayload } from './op-payload.ts';
import { OutboxFullError } from './outbox-errors.ts';
import type { NewUnit, OutboxRows, Unit } from './outbox-store.ts';
import { addUnit, removeUnit } from './unit-graph.ts';

export interface OutboxBounds {
  readonly maxCount: number;
  readonly maxBytes: number;
  readonly maxItemBytes: number;
}

/** What a caller wants to have sent. */
export interface Intent {
  readonly id: string;
  readonly key: string;
  readonly ops: readonly Op[];
  /** Which ops have their time from the outbox. */
  readonly isStamped: readonly boolean[];
  readonly payload: Uint8Array;
  readonly priority: number;
  readonly dependsOn: readonly string[];
  readonly enqueuedAtMs: number;
  readonly sinceMs: number;
  /** It must be a unit of its own. */
  readonly isAlone?: boolean | undefined;
}

export type Admitted =
  | { readonly as: 'unit'; readonly id: string }
  /** Into the unit of an earlier ticket. */
  | { readonly as: 'coalesced'; readonly id: string }
  /** It has taken back the unit of an earlier ticket, and with it itself. */
  | { readonly as: 'nothing'; readonly id: string };

/**
 * Adds what a caller wants to have sent, within the bounds: into a unit that was never sent, or as one of its own.
 *
 * @throws {OutboxFullError | ItemTooLargeError} and nothing is changed.
 */
export function admit(
  rows: OutboxRows,
  intent: Intent,
  { bounds, payload }: { readonly bounds: OutboxBounds; readonly payload: OpPayload },
): Admitted {
  if (intent.payload.length > bounds.maxItemBytes) {
    throw new ItemTooLargeError(intent.payload.length, bounds.maxItemBytes);
  }
  const lanes = [...new Set(intent.ops.map(laneOf))];
  const ends = lanes.flatMap((lane) => rows.lane(lane, 'end', 1));
  const target = coalescingTarget(ends, intent);
  const joined = target === undefined ? undefined : join(target, intent, payload);
  if (target === undefined || joined === undefined) {
    requireRoom(rows, bounds, { count: 1, bytes: intent.payload.length });
    const { dependsOn } = intent;
    addUnit(rows, toUnit(intent, lanes), { ends, dependsOn });
    return { as: 'unit', id: intent.id };
  }
  if (joined === 'nothing') {
    removeUnit(rows, target.seq);
    return { as: 'nothing', id: target.id };
  }
  if (joined.length > bounds.maxItemBytes) {
    throw new ItemTooLargeError(joined.length, bounds.maxItemBytes);
  }
  requireRoom(rows, bounds, { count: 0, bytes: joined.length - target.payload.length });
  const priority = Math.min(target.priority, intent.priority);
  rows.update(target.seq, { payload: joined, priority });
  return { as: 'coalesced', id: target.id };
}

/** Written out, because objects are spread slowly, and this one is made for each append. */
function toUnit(intent: Intent, lanes: readonly string[]): Omit<NewUnit, 'state'> {
  return {
    id: intent.id,
    key: intent.key,
    priority: intent.priority,
    lanes,
    isGroup: intent.ops.length > 1,
    hasDependents: false,
    attempt: 0,
    rounds: 0,
    payload: intent.payload,
    wire: null,
    wireSeq: null,
    enqueuedAtMs: intent.enqueuedAtMs,
    sinceMs: intent.sinceMs,
    reason: null,
    quarantinedAtMs: null,
  };
}

/** The last unit of the lane, when an edit may become part of it. */
function coalescingTarget([last]: readonly Unit[], intent: Intent): Unit | undefined {
  const { ops, dependsOn, isAlone = false } = intent;
  const [op] = ops;
  if (op === undefined || ops.length > 1 || op.kind === 'call') return undefined;
  if (isAlone || dependsOn.length > 0) return undefined;
  if (last === undefined || last.isGroup || last.hasDependents || last.wire !== null) {
    return undefined;
  }
  // After a conflict it is no longer what it was when it was made.
  return last.rounds === 0 ? last : undefined;
}

function join(
  target: Unit,
  { ops, payload: bytes }: Intent,
  payload: OpPayload,
): Uint8Array | 'nothing' | undefined {
  const first = decodeOne(target.payload, payload);
  // As it will be read: what the caller holds may look different, and may change.
  const second = decodeOne(bytes, payload);
  if (first === undefined || second === undefined || ops.length !== 1) return undefined;
  const joined = coalesce(first, second);
  switch (joined.gives) {
    case 'op':
      return payload.encode([joined.op]);
    case 'nothing':
      return 'nothing';
    case 'both':
      return undefined;
    default: {
      const impossible: never = joined;
      return impossible;
    }
  }
}

/** Undefined when it cannot be read: it is then left for the quarantine as it is. */
function decodeOne(bytes: Uint8Array, payload: OpPayload): Op | undefined {
  try {
    return payload.decode(bytes)[0];
  } catch {
    return undefined;
  }
}

function requireRoom(
  rows: OutboxRows,
  bounds: OutboxBounds,
  more: { readonly count: number; readonly bytes: number },
): void {
  const { count, bytes } = rows.totals();
  if (more.count > 0 && count + more.count > bounds.maxCount) {
    throw new OutboxFullError('maxCount', bounds.maxCount);
  }
  if (more.bytes > 0 && bytes + more.bytes > bounds.maxBytes) {
    throw new OutboxFullError('maxBytes', bounds.maxBytes);
  }
}
