import type { OpPayload } from './op-payload.ts';
import { nextStep, type ConflictOutcome, type StepPolicy } from './next-step.ts';
import type { Op } from './op.ts';
import type { Conflict, Resolver } from './conflict.ts';
import type { FrozenUnit } from './freeze-batch.ts';
import { resolveUnit } from './resolve-unit.ts';
import type { Plan } from './settle-unit.ts';
import type { PushOutcome } from './wire.ts';
import { textOf } from '../text-of.ts';

export interface PlanContext {
  readonly policy: StepPolicy;
  readonly failuresOf: (seq: number) => number;
  readonly payload: OpPayload;
  readonly resolverFor: (entity: string) => Resolver;
  /** The ops of a unit, as they are kept. */
  readonly opsOf: (seq: number) => Promise<readonly Op[]>;
  /** A time of the server, unless it cannot be trusted. */
  readonly trustedTime: (at: string | undefined) => Conflict['theirsAt'];
  readonly newKey: () => string;
  readonly onConflict: (unit: FrozenUnit, round: number, use: ConflictUse) => void;
}

export type ConflictUse = 'server' | 'client' | 'merged' | 'quarantine';

/** What is to be done about a unit with this outcome; asks the resolver when there is a conflict. */
export async function planUnit(
  unit: FrozenUnit,
  outcome: PushOutcome,
  context: PlanContext,
): Promise<Plan> {
  const { attempt, rounds } = unit;
  const facts = { attempt, rounds, failures: context.failuresOf(unit.seq) };
  const step = nextStep(outcome, facts, context.policy);
  switch (step.do) {
    case 'settle':
      return { do: 'apply', results: step.outcome.results ?? [] };
    case 'resolve':
      return planConflict(unit, step.conflict, step.round, context);
    case 'wait':
    case 'quarantine':
      return step;
    default: {
      const impossible: never = step;
      return impossible;
    }
  }
}

async function planConflict(
  unit: FrozenUnit,
  conflict: ConflictOutcome,
  round: number,
  context: PlanContext,
): Promise<Plan> {
  try {
    const theirsAt = context.trustedTime(conflict.at);
    const ops = await context.opsOf(unit.seq);
    const resolved = await resolveUnit(ops, conflict, { ...context, round, theirsAt });
    context.onConflict(unit, round, resolved.use);
    switch (resolved.do) {
      case 'resend': {
        const payload = context.payload.encode(resolved.ops);
        return { do: 'resend', payload, key: context.newKey(), round };
      }
      case 'supersede': {
        const { theirs, version } = conflict;
        return { do: 'supersede', op: resolved.op, theirs, version };
      }
      case 'quarantine':
        return { do: 'quarantine', reason: resolved.reason, isOpen: false };
      default: {
        const impossible: never = resolved;
        return impossible;
      }
    }
  } catch (error) {
    // Its payload cannot be read, or what the resolver gave cannot be encoded.
    return { do: 'quarantine', reason: `conflict: ${textOf(error)}`, isOpen: false };
  }
}
