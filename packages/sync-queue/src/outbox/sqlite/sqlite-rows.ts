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

/** Parameters by number, so that one value may be used twice. */
const SQL = {
  totals: 'SELECT count, bytes, quarantined FROM outbox_total WHERE only = 1',
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
  readyByPriority: `SELECT * FROM outbox_unit WHERE state = 'ready' ORDER BY priority, seq LIMIT ?1`,
  // Without the hint the planner may sort the other index.
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

type Change = keyof UnitChanges;

const COLUMNS: Readonly<Record<Change, string>> = {
  key: 'key',
  state: 'state',
  priority: 'priority',
  hasDependents: 'has_dependents',
  attempt: 'attempt',
  rounds: 'rounds',
  payload: 'payload',
  wire: 'wire',
  wireSeq: 'wire_seq',
  reason: 'reason',
  quarantinedAtMs: 'quarantined_ms',
};

interface UnitRow {
  readonly seq: number;
  readonly id: string;
  readonly key: string;
  readonly state: Unit['state'];
  readonly priority: number;
  readonly lanes: string;
  readonly is_group: number;
  readonly has_dependents: number;
  readonly attempt: number;
  readonly rounds: number;
  readonly payload: Uint8Array;
  readonly wire: Uint8Array | null;
  readonly wire_seq: number | null;
  readonly enqueued_ms: number;
  readonly since_ms: number;
  readonly reason: string | null;
  readonly quarantined_ms: number | null;
}

/** The rows of an outbox on one connection; the caller has begun a transaction on it. */
export class SqliteRows implements OutboxRows {
  /** Known since `begin`, as long as only `insert` has changed them. */
  #totals: OutboxTotals | undefined;
  #keepsTotals = false;
  readonly #prepareSql: (sql: string) => Statement;
  /** Each is prepared when it is used first. */
  readonly #statements = new Map<string, Statement>();

  constructor(prepare: (sql: string) => Statement) {
    this.#prepareSql = prepare;
  }

  /** A transaction begins, or what was done in it is taken back in part: what was known is known no more. */
  begin(): void {
    this.#totals = undefined;
    this.#keepsTotals = true;
  }

  totals(): OutboxTotals {
    if (this.#totals !== undefined) return this.#totals;
    const row = this.#sql(SQL.totals).get([]) as OutboxTotals;
    // The driver adds a field of its own.
    const { count, bytes, quarantined } = row;
    const totals = { count, bytes, quarantined };
    if (this.#keepsTotals) this.#totals = totals;
    return totals;
  }

  insert(unit: NewUnit): number {
    const { id, key, state, priority, attempt, rounds, payload, wire, wireSeq } = unit;
    const flags = [Number(unit.isGroup), Number(unit.hasDependents)];
    const facts = [unit.enqueuedAtMs, unit.sinceMs, unit.reason, unit.quarantinedAtMs];
    const done: unknown = this.#sql(SQL.insert).run([
      ...[id, key, state, priority, JSON.stringify(unit.lanes), ...flags],
      ...[attempt, rounds, payload, wire, wireSeq, ...facts],
    ]);
    if (this.#totals !== undefined) this.#totals = withUnit(this.#totals, unit);
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
    this.#sql(`UPDATE outbox_unit SET ${sets} WHERE seq = ?1`).run([seq, ...values]);
    this.#totals = undefined;
  }

  remove(seq: number): void {
    for (const sql of [SQL.leave, SQL.removeEdges, SQL.removeParents, SQL.remove]) {
      this.#sql(sql).run([seq]);
    }
    this.#totals = undefined;
  }

  joinLanes(seq: number, lanes: readonly string[]): void {
    for (const lane of lanes) this.#sql(SQL.join).run([lane, seq]);
  }

  leaveLanes(seq: number): void {
    this.#sql(SQL.leave).run([seq]);
  }

  lane(lane: string, from: 'front' | 'end', limit: number): Unit[] {
    // One row is asked for with each append, and much faster got alone.
    if (limit > 1) return this.#all(SQL[from], lane, limit);
    const unit = this.#one(SQL[from], lane, limit);
    return unit === undefined ? [] : [unit];
  }

  link(parent: number, child: number, kind: EdgeKind): void {
    this.#sql(SQL.link).run([parent, child, kind]);
  }

  unlink(parent: number, child: number): void {
    this.#sql(SQL.unlink).run([parent, child]);
  }

  parents(child: number): Edge[] {
    return this.#sql(SQL.parents).all([child]) as Edge[];
  }

  children(parent: number): Edge[] {
    return this.#sql(SQL.children).all([parent]) as Edge[];
  }

  ready(order: 'priority' | 'age', limit: number): Unit[] {
    return this.#all(order === 'age' ? SQL.readyByAge : SQL.readyByPriority, limit);
  }

  sent(): Pick<Unit, 'seq' | 'id'>[] {
    return this.#sql(SQL.sent).all([]) as Pick<Unit, 'seq' | 'id'>[];
  }

  lastSeq(): number {
    return (this.#sql(SQL.lastSeq).get([]) as { readonly seq: number }).seq;
  }

  oldestWaiting(): Unit | undefined {
    return this.#one(SQL.oldestWaiting);
  }

  lowestWireSeq(): number | undefined {
    const row = this.#sql(SQL.lowestWireSeq).get([]) as { readonly seq: number | null };
    return row.seq ?? undefined;
  }

  list({ state, afterSeq, limit }: UnitQuery): Unit[] {
    if (state === undefined) return this.#all(SQL.list, afterSeq, limit);
    return this.#all(SQL.listState, afterSeq, limit, state);
  }

  meta(name: string): string | undefined {
    const row = this.#sql(SQL.meta).get([name]) as { readonly value: string } | undefined;
    return row?.value;
  }

  setMeta(name: string, value: string): void {
    this.#sql(SQL.setMeta).run([name, value]);
  }

  #one(sql: string, ...parameters: readonly SqlValue[]): Unit | undefined {
    const row = this.#sql(sql).get(parameters) as UnitRow | undefined;
    return row === undefined ? undefined : toUnit(row);
  }

  #all(sql: string, ...parameters: readonly SqlValue[]): Unit[] {
    return (this.#sql(sql).all(parameters) as UnitRow[]).map(toUnit);
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

function toUnit(row: UnitRow): Unit {
  const { seq, id, key, state, priority, attempt, rounds, payload, wire, reason } = row;
  return {
    ...{ seq, id, key, state, priority, attempt, rounds, reason },
    lanes: JSON.parse(row.lanes) as string[],
    isGroup: row.is_group === 1,
    hasDependents: row.has_dependents === 1,
    payload: new Uint8Array(payload),
    wire: wire === null ? null : new Uint8Array(wire),
    wireSeq: row.wire_seq,
    enqueuedAtMs: row.enqueued_ms,
    sinceMs: row.since_ms,
    quarantinedAtMs: row.quarantined_ms,
  };
}

function toSql(value: string | number | boolean | Uint8Array | null): SqlValue {
  return typeof value === 'boolean' ? Number(value) : value;
}
