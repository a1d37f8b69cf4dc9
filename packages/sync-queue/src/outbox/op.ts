/** A hybrid logical timestamp as text: it sorts by time, then by counter, then by node. */
export type Hlc = string;

/** A document, as JSON has it. */
export type Doc = Readonly<Record<string, unknown>>;

/** What the server's document was when the edit was made. */
export interface Base {
  /** As the server named it; it compares it with what it has. */
  readonly version?: string | undefined;
  /** Needed to merge field by field; it stays on the client. */
  readonly doc?: Doc | undefined;
  /** Set by the outbox: the version before an earlier edit of the same client was applied. Stays on the client. */
  readonly rebasedFrom?: string | undefined;
}

/** What is done to one document. */
export type Change =
  | { readonly kind: 'insert'; readonly doc: Doc }
  | {
      readonly kind: 'patch';
      readonly set?: Doc | undefined;
      readonly unset?: readonly string[] | undefined;
    }
  | { readonly kind: 'delete' }
  /** Delete and insert in one. */
  | { readonly kind: 'replace'; readonly doc: Doc }
  /** Anything else that the server can do; never coalesced. */
  | { readonly kind: 'call'; readonly name: string; readonly args?: unknown };

/** An edit as the application makes it. Ids come from the client (a UUID), so that a document has one from its start. */
export type NewOp = Change & {
  readonly entity: string;
  readonly id: string;
  readonly base?: Base | undefined;
  /** Default: the outbox's clock. */
  readonly at?: Hlc | undefined;
};

/** An edit with its time. */
export type Op = NewOp & { readonly at: Hlc };

/** Edits of one document are kept in order: they share a lane. */
export function laneOf({ entity, id }: Pick<Op, 'entity' | 'id'>): string {
  return JSON.stringify([entity, id]);
}
