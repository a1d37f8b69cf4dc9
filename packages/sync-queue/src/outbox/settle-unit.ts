import type { Doc, Op } from './op.ts';
import type { OpPayload } from './op-payload.ts';
import type { TicketEnd } from './outbox.ts';
import type { OutboxRows, Unit } from './outbox-store.ts';
import { rebase, settledDoc, type SettledDoc } from './rebase.ts';
import { quarantineUnit, removeUnit } from './unit-graph.ts';
import type { OpResult } from './wire.ts';

/** What is written about a unit once it is known what became of it. */
export type Plan =
  | { readonly do: 'apply'; readonly results: readonly OpResult[] }
  | {
      readonly do: 'supersede';
      readonly op: Op;
      readonly theirs: Doc | null;
      readonly version: string | undefined;
    }
  /** `payload` are the ops that go out instead, encoded. */
  | {
      readonly do: 'resend';
      readonly payload: Uint8Array;
      readonly key: string;
      readonly round: number;
    }
  | { readonly do: 'wait'; readonly delayMs: number; readonly attempt: number }
  | { readonly do: 'quarantine'; readonly reason: string; readonly isOpen: boolean };

/** Writes a plan; the end of the ticket, when it has one. */
export function settleUnit(
  rows: OutboxRows,
  seq: number,
  plan: Plan,
  { payload, nowMs }: { readonly payload: OpPayload; readonly nowMs: number },
): TicketEnd | undefined {
  const unit = rows.at(seq);
  if (unit === undefined) return endOf(plan);
  switch (plan.do) {
    case 'apply':
      for (const [index, op] of (tryDecode(unit, payload) ?? []).entries()) {
        rebaseChildren(rows, unit, op, { payload, settled: settledDoc(op, plan.results[index]) });
      }
      removeUnit(rows, seq);
      break;
    case 'supersede': {
      const settled = { version: plan.version, doc: plan.theirs ?? undefined };
      rebaseChildren(rows, unit, plan.op, { payload, settled });
      removeUnit(rows, seq);
      break;
    }
    case 'resend': {
      const fresh = { key: plan.key, wire: null, wireSeq: null, state: 'ready' } as const;
      const counts = { attempt: 0, rounds: plan.round };
      rows.update(seq, { ...fresh, ...counts, payload: plan.payload });
      break;
    }
    case 'wait':
      if (plan.attempt !== unit.attempt) rows.update(seq, { attempt: plan.attempt });
      break;
    case 'quarantine':
      quarantineUnit(rows, seq, { reason: plan.reason, nowMs, isOpen: plan.isOpen });
      break;
    default: {
      const impossible: never = plan;
      return impossible;
    }
  }
  return endOf(plan);
}

export function endOf(plan: Plan): TicketEnd | undefined {
  switch (plan.do) {
    case 'apply':
      return { status: 'applied', results: plan.results };
    case 'supersede':
      return { status: 'superseded', theirs: plan.theirs };
    case 'quarantine':
      return { status: 'quarantined', reason: plan.reason };
    case 'resend':
    case 'wait':
      return undefined;
    default: {
      const impossible: never = plan;
      return impossible;
    }
  }
}

/** The next edits of the lane were made on top of what was settled. They were never sent, so they may be changed. */
function rebaseChildren(
  rows: OutboxRows,
  unit: Unit,
  op: Op,
  { payload, settled }: { readonly payload: OpPayload; readonly settled: SettledDoc },
): void {
  for (const { seq } of rows.children(unit.seq)) {
    const child = rows.at(seq);
    // Undefined is not null either.
    if (child?.wire !== null) continue;
    const ops = tryDecode(child, payload);
    const rebased = ops === undefined ? undefined : rebase(ops, op, settled);
    if (rebased !== undefined) rows.update(seq, { payload: payload.encode(rebased) });
  }
}

/** Undefined when it cannot be read; it goes into quarantine when its turn comes. */
function tryDecode(unit: Unit, payload: OpPayload): readonly Op[] | undefined {
  try {
    return payload.decode(unit.payload);
  } catch {
    return undefined;
  }
}
