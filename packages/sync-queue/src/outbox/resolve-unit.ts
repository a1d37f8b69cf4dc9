import { textOf } from '../text-of.ts';
import { applyOp } from './apply-op.ts';
import type { Resolution, Resolver } from './conflict.ts';
import type { ConflictOutcome } from './next-step.ts';
import type { Change, Doc, Hlc, Op } from './op.ts';

export type ResolvedUnit = { readonly use: Resolution['use'] } & (
  | { readonly do: 'resend'; readonly ops: readonly Op[] }
  | { readonly do: 'supersede'; readonly op: Op }
  | { readonly do: 'quarantine'; readonly reason: string }
);

/** Asks the resolver about the op of a unit that is in conflict, and makes what is to be sent next. */
export async function resolveUnit(
  ops: readonly Op[],
  conflict: ConflictOutcome,
  context: {
    readonly round: number;
    readonly resolverFor: (entity: string) => Resolver;
    /** Undefined when it cannot be trusted. */
    readonly theirsAt: Hlc | undefined;
  },
): Promise<ResolvedUnit> {
  const index = conflict.index ?? 0;
  const ours = ops[index];
  if (ours === undefined) return quarantine(`a conflict of op ${index} of ${ops.length}`);
  const { theirs, version } = conflict;
  const { round, theirsAt } = context;
  try {
    const resolver = context.resolverFor(ours.entity);
    const resolution = await resolver({ ours, theirs, version, theirsAt, round });
    return applyResolution(resolution, ops, { index, ours, theirs, version });
  } catch (error) {
    return quarantine(`the resolver failed: ${textOf(error)}`);
  }
}

interface Facts {
  readonly index: number;
  readonly ours: Op;
  readonly theirs: Doc | null;
  readonly version: string | undefined;
}

function applyResolution(
  resolution: Resolution,
  ops: readonly Op[],
  { index, ours, theirs, version }: Facts,
): ResolvedUnit {
  const rebased = (change: Change): Op => {
    const { entity, id, at } = ours;
    const doc = theirs === null ? {} : { doc: theirs };
    return {
      ...change,
      entity,
      id,
      at,
      base: { ...(version === undefined ? {} : { version }), ...doc },
    };
  };
  const replaced = (op: Op): readonly Op[] =>
    ops.map((other, place) => (place === index ? op : other));
  const { use } = resolution;
  switch (resolution.use) {
    case 'server': {
      const rest = ops.filter((_op, place) => place !== index);
      return rest.length === 0
        ? { use, do: 'supersede', op: ours }
        : { use, do: 'resend', ops: rest };
    }
    case 'client':
      return { use, do: 'resend', ops: replaced(rebased(overTheirs(ours, theirs))) };
    case 'merged':
      return { use, do: 'resend', ops: replaced(rebased(resolution.change)) };
    case 'quarantine':
      return { use: 'quarantine', do: 'quarantine', reason: `conflict: ${resolution.reason}` };
    default: {
      const impossible: never = resolution;
      throw new TypeError(`a resolver gave ${JSON.stringify(impossible)}`);
    }
  }
}

/** What makes our edit win: a patch cannot change a document that is gone, an insert not one that is there. */
function overTheirs(ours: Op, theirs: Doc | null): Change {
  if (theirs !== null) return ours.kind === 'insert' ? { kind: 'replace', doc: ours.doc } : ours;
  const doc = ours.kind === 'patch' ? applyOp(ours.base?.doc, ours) : undefined;
  return doc === undefined ? ours : { kind: 'insert', doc };
}

function quarantine(reason: string): ResolvedUnit {
  return { use: 'quarantine', do: 'quarantine', reason };
}
