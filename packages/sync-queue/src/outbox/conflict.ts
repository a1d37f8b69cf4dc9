import type { Change, Doc, Hlc, Op } from './op.ts';

/** An edit that meets a document which is not the one that it was based on. */
export interface Conflict {
  readonly ours: Op;
  /** Null: the server has no such document. */
  readonly theirs: Doc | null;
  readonly version: string | undefined;
  /** When theirs was changed last. */
  readonly theirsAt: Hlc | undefined;
  /** The first is 1. */
  readonly round: number;
}

export type Resolution =
  /** The edit is given up; its ticket ends as `superseded`. */
  | { readonly use: 'server' }
  /** The edit goes out again, based on theirs. */
  | { readonly use: 'client' }
  /** This goes out instead, based on theirs. */
  | { readonly use: 'merged'; readonly change: Change }
  | { readonly use: 'quarantine'; readonly reason: string };

export type Resolver = (conflict: Conflict) => Resolution | Promise<Resolution>;
