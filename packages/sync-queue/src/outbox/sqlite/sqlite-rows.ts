import type { SqlValue, Statement } from '../../sqlite/database.ts';
import type {
  Edge,
  EdgeKind,
  NewUnit,
  OutboxRows,
  OutboxTotals,
  Unit,
  UnitChanges,
  UnitQuery,
} from '../outbox-store.ts';
import { COLUMNS, toParameters, toSql, toUnit, type Change, type UnitRow } from './unit-row.ts';

/** Parameters by number, so that one value may be used twice. */
export const SQL = {
  totals: 'SELECT count, bytes, quarantined FROM outbox_total WHERE only = 1',
  count: `UPDATE outbox_total SET count = count + ?1, bytes = bytes + ?2, quarantined = quarantined + ?3
    WHERE only = 1`,
  insert: `INSERT INTO outbox_unit (id, key, state, priority, lanes, is_group, has_dependents, attempt, rounds,
      payload, wire, wire_seq, enqueued_ms, since_ms, reason, quarantined_ms)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)`,
  find: 'SELECT * FROM outbox_unit WHERE id = ?1',
  at: 'SELECT * FROM outbox_unit WHERE seq = ?1',
  remove: 'DELETE FROM outbox_unit WHERE seq = ?1',
  removeEdges: 'DELETE FROM outbox_edge WHERE parent = ?1',
  removeParents: 'DELETE FROM outbox_edge WHERE child = ?1',
  join: `INSERT INTO outbox_place (lane, place, seq)
    VALUES (?1, (SELECT ifnull(max(place), 0) + 1 FROM outbox_place WHERE lane = ?1), ?2)`,
  leave: 'DELETE FROM outbox_place WHERE seq = ?1',
  front: `SELECT u.* FROM outbox_place p JOIN outbox_unit u ON u.seq = p.seq
    WHERE p.lane = ?1 ORDER BY p.place LIMIT ?2`,
  end: `SELECT u.* FROM outbox_place p JOIN outbox_unit u ON u.seq = p.seq
    WHERE p.lane = ?1 ORDER BY p.place DESC LIMIT ?2`,
  // One that both comes later and depends on it depends on it.
  link: `INSERT INTO outbox_edge (parent, child, kind) VALUES (?1, ?2, ?3)
    ON CONFLICT (parent, child) DO UPDATE SET kind = excluded.kind WHERE kind = 'order'`,
  unlink: 'DELETE FROM outbox_edge WHERE parent = ?1 AND child = ?2',
  parents: 'SELECT parent AS seq, kind FROM outbox_edge WHERE child = ?1 ORDER BY parent',
  children: 'SELECT child AS seq, kind FROM outbox_edge WHERE parent = ?1 ORDER BY child',
  // Without the hints the planner may sort what is ready.
  readyByPriority: `SELECT * FROM outbox_unit INDEXED BY outbox_ready
    WHERE state = 'ready' ORDER BY priority, seq LIMIT ?1`,
  readyByAge: `SELECT * FROM outbox_unit INDEXED BY outbox_state WHERE state = 'ready' ORDER BY seq LIMIT ?1`,
  sent: `SELECT seq, id FROM outbox_unit WHERE state = 'sent' ORDER BY seq`,
  lastSeq: `SELECT ifnull(max(seq), 0) AS seq FROM sqlite_sequence WHERE name = 'outbox_unit'`,
  // One step in the index for each state: the planner would sort all three.
  oldestWaiting: `SELECT * FROM outbox_unit WHERE seq = (SELECT min(seq) FROM (
      SELECT min(seq) AS seq FROM outbox_unit INDEXED BY outbox_state WHERE state = 'ready'
      UNION ALL SELECT min(seq) FROM outbox_unit INDEXED BY outbox_state WHERE state = 'blocked'
      UNION ALL SELECT min(seq) FROM outbox_unit INDEXED BY outbox_state WHERE state = 'sent'))`,
  lowestWireSeq: 'SELECT min(wire_seq) AS seq FROM outbox_unit WHERE wire_seq IS NOT NULL',
  list: 'SELECT * FROM outbox_unit WHERE seq > ?1 ORDER BY seq LIMIT ?2',
  listState: `SELECT * FROM outbox_unit INDEXED BY outbox_state
    WHERE state = ?3 AND seq > ?1 ORDER BY seq LIMIT ?2`,
  meta: 'SELECT value FROM outbox_meta WHERE name = ?1',
  setMeta: `INSERT INTO outbox_meta (name, value) VALUES (?1, ?2)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
} as const;

const NONE: OutboxTotals = { count: 0, bytes: 0, quarantined: 0 };

/**
 * The rows of an outbox on one connection; the caller has begun a transaction on it. Between `begin` and `end` what is
 * inserted is counted here, and in the file by `count` alone: once for all of them.
 */
export class SqliteRows implements OutboxRows {
  /** Known since `begin`, as long as only `insert` has changed them. */
  #totals: OutboxTotals | undefined;
  /** What was inserted since `begin` and is not counted in the file. */
  #uncounted = NONE;
  #isCounting = false;
  #changes = 0;
  #failure: { readonly error: unknown } | undefined;
  readonly #prepareSql: (sql: string) => Statement;
  /** Each is prepared when it is used first. */
  readonly #statements = new Map<string, Statement>();

  constructor(prepare: (sql: string) => Statement) {
    this.#prepareSql = prepare;
  }

  /** Grows with each statement that may change something. */
  get changes(): number {
    return this.#changes;
  }

  /**
   * The first statement that has failed since `begin`. From then on all of them do: SQLite may have ended the transaction
   * itself, and whoever does not heed the failure would write outside of it (SQLite, "Transaction", section 3.2).
   */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  /** A transaction begins, or what was done since `count` is taken back: what was known is known no more. */
  begin(): void {
    this.#totals = undefined;
    this.#uncounted = NONE;
    this.#failure = undefined;
    this.#isCounting = true;
  }

  /** Before the transaction is committed, or the point is passed to which it is taken back. */
  count(): void {
    const { count, bytes, quarantined } = this.#uncounted;
    this.#uncounted = NONE;
    if (count > 0) this.#change(SQL.count, [count, bytes, quarantined]);
  }

  /** The transaction has ended, however it has. */
  end(): void {
    this.begin();
    this.#isCounting = false;
  }

  totals(): OutboxTotals {
    if (this.#totals !== undefined) return this.#totals;
    this.count();
    const row = this.#run(SQL.totals, 'get') as OutboxTotals;
    // The driver adds a field of its own.
    const { count, bytes, quarantined } = row;
    const totals = { count, bytes, quarantined };
    if (this.#isCounting) this.#totals = totals;
    return totals;
  }

  insert(unit: NewUnit): number {
    const done: unknown = this.#change(SQL.insert, toParameters(unit));
    if (this.#totals !== undefined) this.#totals = withUnit(this.#totals, unit);
    this.#uncounted = withUnit(this.#uncounted, unit);
    if (!this.#isCounting) this.count();
    return Number((done as { readonly lastInsertRowid: number | bigint }).lastInsertRowid);
  }

  find(id: string): Unit | undefined {
    return this.#one(SQL.find, id);
  }

  at(seq: number): Unit | undefined {
    return this.#one(SQL.at, seq);
  }

  update(seq: number, changes: UnitChanges): void {
    const names = Object.keys(changes) as Change[];
    if (names.length === 0) return;
    const sets = names.map((name, index) => `${COLUMNS[name]} = ?${index + 2}`).join(', ');
    const values = names.map((name) => toSql(changes[name] ?? null));
    this.#change(`UPDATE outbox_unit SET ${sets} WHERE seq = ?1`, [seq, ...values]);
    this.#totals = undefined;
  }

  remove(seq: number): void {
    for (const sql of [SQL.leave, SQL.removeEdges, SQL.removeParents, SQL.remove]) {
      this.#change(sql, [seq]);
    }
    this.#totals = undefined;
  }

  joinLanes(seq: number, lanes: readonly string[]): void {
    for (const lane of lanes) this.#change(SQL.join, [lane, seq]);
  }

  leaveLanes(seq: number): void {
    this.#change(SQL.leave, [seq]);
  }

  lane(lane: string, from: 'front' | 'end', limit: number): Unit[] {
    // One row is asked for with each append, and much faster got alone.
    if (limit > 1) return this.#all(SQL[from], lane, limit);
    const unit = this.#one(SQL[from], lane, limit);
    return unit === undefined ? [] : [unit];
  }

  link(parent: number, child: number, kind: EdgeKind): void {
    this.#change(SQL.link, [parent, child, kind]);
  }

  unlink(parent: number, child: number): void {
    this.#change(SQL.unlink, [parent, child]);
  }

  parents(child: number): Edge[] {
    return this.#run(SQL.parents, 'all', [child]) as Edge[];
  }

  children(parent: number): Edge[] {
    return this.#run(SQL.children, 'all', [parent]) as Edge[];
  }

  ready(order: 'priority' | 'age', limit: number): Unit[] {
    return this.#all(order === 'age' ? SQL.readyByAge : SQL.readyByPriority, limit);
  }

  sent(): Pick<Unit, 'seq' | 'id'>[] {
    return this.#run(SQL.sent, 'all') as Pick<Unit, 'seq' | 'id'>[];
  }

  lastSeq(): number {
    return (this.#run(SQL.lastSeq, 'get') as { readonly seq: number }).seq;
  }

  oldestWaiting(): Unit | undefined {
    return this.#one(SQL.oldestWaiting);
  }

  lowestWireSeq(): number | undefined {
    const row = this.#run(SQL.lowestWireSeq, 'get') as { readonly seq: number | null };
    return row.seq ?? undefined;
  }

  list({ state, afterSeq, limit }: UnitQuery): Unit[] {
    if (state === undefined) return this.#all(SQL.list, afterSeq, limit);
    return this.#all(SQL.listState, afterSeq, limit, state);
  }

  meta(name: string): string | undefined {
    const row = this.#run(SQL.meta, 'get', [name]) as { readonly value: string } | undefined;
    return row?.value;
  }

  setMeta(name: string, value: string): void {
    this.#change(SQL.setMeta, [name, value]);
  }

  #change(sql: string, parameters: readonly SqlValue[]): unknown {
    this.#changes += 1;
    return this.#run(sql, 'run', parameters);
  }

  #one(sql: string, ...parameters: readonly SqlValue[]): Unit | undefined {
    const row = this.#run(sql, 'get', parameters) as UnitRow | undefined;
    return row === undefined ? undefined : toUnit(row);
  }

  #all(sql: string, ...parameters: readonly SqlValue[]): Unit[] {
    return (this.#run(sql, 'all', parameters) as UnitRow[]).map(toUnit);
  }

  #run(sql: string, how: keyof Statement, parameters: readonly SqlValue[] = []): unknown {
    if (this.#failure !== undefined) throw this.#failure.error;
    try {
      return this.#sql(sql)[how](parameters);
    } catch (error) {
      // Outside of `begin` and `end` the transaction is the caller's, who sees to it.
      if (this.#isCounting) this.#failure = { error };
      throw error;
    }
  }

  #sql(sql: string): Statement {
    const found = this.#statements.get(sql) ?? this.#prepareSql(sql);
    this.#statements.set(sql, found);
    return found;
  }
}

function withUnit({ count, bytes, quarantined }: OutboxTotals, unit: NewUnit): OutboxTotals {
  return {
    count: count + 1,
    bytes: bytes + unit.payload.length,
    quarantined: quarantined + Number(unit.state === 'quarantined'),
  };
}
