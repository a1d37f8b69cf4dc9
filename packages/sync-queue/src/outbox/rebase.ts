import { applyOp } from './apply-op.ts';
import { laneOf, type Base, type Doc, type Op } from './op.ts';

/** The document of the server after an edit of ours was settled. */
export interface SettledDoc {
  readonly version: string | undefined;
  readonly doc: Doc | undefined;
}

/** What is known of the document after `op` was applied with this result. */
export function settledDoc(
  op: Op,
  result: { readonly version?: string | undefined; readonly doc?: Doc | null | undefined } = {},
): SettledDoc {
  const doc = result.doc === undefined ? ownResult(op) : (result.doc ?? undefined);
  return { version: result.version, doc };
}

function ownResult(op: Op): Doc | undefined {
  if (op.kind === 'call') return undefined;
  return applyOp(op.base?.doc, op);
}

/**
 * The next edits of a lane, based on what an earlier edit of ours has left: they were made on top of it. One that was made
 * on a version seen since keeps that one. Undefined: nothing changes.
 */
export function rebase(
  later: readonly Op[],
  settled: Op,
  { version, doc }: SettledDoc,
): readonly Op[] | undefined {
  if (version === undefined) return undefined;
  const lane = laneOf(settled);
  const index = later.findIndex((op) => laneOf(op) === lane);
  const op = later[index];
  if (op === undefined || !isMadeOn(op.base, settled.base)) return undefined;
  const rebasedFrom = settled.base?.rebasedFrom ?? settled.base?.version;
  const base: Base = {
    version,
    ...(doc === undefined ? {} : { doc }),
    ...(rebasedFrom === undefined ? {} : { rebasedFrom }),
  };
  return later.map((other, place) => (place === index ? { ...other, base } : other));
}

function isMadeOn(base: Base | undefined, earlier: Base | undefined): boolean {
  if (base?.version === undefined) return true;
  return base.version === earlier?.version || base.version === earlier?.rebasedFrom;
}
