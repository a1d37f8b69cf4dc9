/**
 * Where a unit stands:
 *
 * - `ready`        entered when nothing is before it; left when it is sent, or coalesced away. One that was redriven may have
 *                  been sent before: it has its `wire` still, and is sent as it was
 * - `blocked`      entered when an earlier unit of one of its lanes, or one that it depends on, is not settled
 * - `parked`       entered when one that it depends on is quarantined; left when that one is redriven or purged
 * - `sent`         entered before it is sent for the first time, with the bytes that are sent; it is never changed again,
 *                  and left by a verdict
 * - `quarantined`  entered when it can never be applied as it is; left by redrive or purge
 *
 * A settled unit is removed.
 */
export type UnitState = 'ready' | 'blocked' | 'parked' | 'sent' | 'quarantined';

/** What is sent, settled and put into quarantine as one: an op, or an atomic group of ops. */
export interface Unit {
  /** Order of arrival. */
  readonly seq: number;
  /** Of its ticket. */
  readonly id: string;
  /** Idempotency key. */
  readonly key: string;
  readonly state: UnitState;
  /** 0 is the most urgent. */
  readonly priority: number;
  readonly lanes: readonly string[];
  readonly isGroup: boolean;
  /** Another unit depends on it. */
  readonly hasDependents: boolean;
  /** Attempts that failed. */
  readonly attempt: number;
  /** Conflicts that were resolved. */
  readonly rounds: number;
  /** The ops, encoded. */
  readonly payload: Uint8Array;
  /** What was sent, and its number; both are kept until it has a verdict. */
  readonly wire: Uint8Array | null;
  readonly wireSeq: number | null;
  readonly enqueuedAtMs: number;
  /** When it was enqueued, on the monotonic clock of that run of the program. */
  readonly sinceMs: number;
  /** Why it is in quarantine. */
  readonly reason: string | null;
  readonly quarantinedAtMs: number | null;
}

export type NewUnit = Omit<Unit, 'seq'>;

export type UnitChanges = Partial<
  Pick<
    Unit,
    | 'key'
    | 'state'
    | 'priority'
    | 'hasDependents'
    | 'attempt'
    | 'rounds'
    | 'payload'
    | 'wire'
    | 'wireSeq'
    | 'reason'
    | 'quarantinedAtMs'
  >
>;

/** `order`: the child comes later on a lane. `needs`: the child depends on the parent. */
export type EdgeKind = 'order' | 'needs';

export interface Edge {
  readonly seq: number;
  readonly kind: EdgeKind;
}

export interface UnitQuery {
  readonly state?: UnitState | undefined;
  readonly afterSeq: number;
  readonly limit: number;
}

export interface OutboxTotals {
  /** Units that are held, quarantined ones included. */
  readonly count: number;
  /** Of their payloads. */
  readonly bytes: number;
  readonly quarantined: number;
}

/** The rows of an outbox, inside one transaction. */
export interface OutboxRows {
  totals(): OutboxTotals;
  insert(unit: NewUnit): number;
  find(id: string): Unit | undefined;
  at(seq: number): Unit | undefined;
  update(seq: number, changes: UnitChanges): void;
  /** With its places on lanes and its edges. */
  remove(seq: number): void;
  /** Puts it at the end of its lanes. */
  joinLanes(seq: number, lanes: readonly string[]): void;
  leaveLanes(seq: number): void;
  /** The units of a lane in its order: from the front, or from the end. */
  lane(lane: string, from: 'front' | 'end', limit: number): Unit[];
  link(parent: number, child: number, kind: EdgeKind): void;
  unlink(parent: number, child: number): void;
  parents(child: number): Edge[];
  children(parent: number): Edge[];
  /** Ready units: the most urgent first, or the oldest first. */
  ready(order: 'priority' | 'age', limit: number): Unit[];
  /** Those that were sent and have no verdict. */
  sent(): Pick<Unit, 'seq' | 'id'>[];
  /** The highest number that was given, 0: none was. */
  lastSeq(): number;
  /** The oldest that is neither parked nor in quarantine. */
  oldestWaiting(): Unit | undefined;
  /** The smallest number of what was sent and has no final verdict. */
  lowestWireSeq(): number | undefined;
  /** In order of arrival. */
  list(query: UnitQuery): Unit[];
  meta(name: string): string | undefined;
  setMeta(name: string, value: string): void;
}

/** Where an outbox keeps its units. One outbox works on a store at a time. */
export interface OutboxStore {
  /** What it is, in messages. */
  readonly label: string;
  /** @throws {OutboxInUseError} when another outbox has opened it. */
  open(): Promise<void>;
  close(): Promise<void>;
  /**
   * Runs `work` in a transaction; resolves when what it did is durable. When `work` throws, nothing of it is done, and
   * that is what it rejects with; a failure of the store is a `STORE_FAILED`. What it did may have to be taken back with
   * that of others: then it is run again.
   */
  write<T>(work: (rows: OutboxRows) => T): Promise<T>;
  read<T>(work: (rows: OutboxRows) => T): Promise<T>;
  /**
   * The rows as part of a transaction that the caller has begun on a connection of its own. Until that has ended, writes
   * of this store wait. Absent: the store has no such thing.
   */
  within?(connection: OutboxConnection): OutboxRows;
}

/** A connection of the caller; a `Database` of libsql or better-sqlite3 has this shape. */
export interface OutboxConnection {
  readonly inTransaction: boolean;
  // The parameters are the driver's own: an array of values by number.
  prepare(sql: string): {
    run(parameters: never): { readonly changes: number };
    get(parameters: never): unknown;
    all(parameters: never): unknown[];
  };
}
