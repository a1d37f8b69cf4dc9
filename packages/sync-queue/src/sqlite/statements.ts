import type { Database, Statement } from './database.ts';

/**
 * Every statement of the store; parameters by number, so that one value may be used twice. SQLite takes a partial index only
 * for a statement that says its condition word for word ("Partial Indexes", section 3).
 */
export const SQL = {
  addQueue: 'INSERT INTO sync_queue (queue) VALUES (?1) ON CONFLICT DO NOTHING',
  queue: 'SELECT * FROM sync_queue WHERE queue = ?1',
  recordSettings: `INSERT INTO sync_queue (queue, settings) VALUES (?1, ?2)
    ON CONFLICT (queue) DO UPDATE SET settings = excluded.settings`,
  settings: 'SELECT settings FROM sync_queue WHERE queue = ?1',
  names: 'SELECT queue FROM sync_queue ORDER BY queue',
  updateQueue: `UPDATE sync_queue SET count = ?2, bytes = ?3, dead_count = ?4, dead_bytes = ?5, head = ?6, tail = ?7,
      evicted = ?8, dead_overflow = ?9, dead_expired = ?10, is_paused = ?11, paused_priorities = ?12, rate_full_ms = ?13,
      known = ?14
    WHERE queue = ?1`,

  insert: `INSERT INTO sync_item
      (queue, state, place, priority, key, ready_ms, not_before_ms, enqueued_ms, sample_rate, coalesce_key, payload)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?6, ?8, ?9, ?10) RETURNING id`,
  /** Without the payload, which may be large. */
  facts: `SELECT id, state, place, priority, key, not_before_ms, attempt, tries_from, length(payload) AS bytes
    FROM sync_item WHERE id = ?1 AND queue = ?2`,
  move: 'UPDATE sync_item SET state = ?2, place = ?3 WHERE id = ?1',
  ready: `UPDATE sync_item SET state = 'ready', place = ?2, ready_ms = ?3 WHERE id = ?1`,
  delay: `UPDATE sync_item SET state = 'delayed', place = ?2, not_before_ms = ?2 WHERE id = ?1`,
  lease: `UPDATE sync_item SET state = 'leased', place = ?2, attempt = attempt + 1, coalesce_key = NULL WHERE id = ?1
    RETURNING id, attempt, tries_from, priority, key, enqueued_ms, sample_rate, payload`,
  bury: `UPDATE sync_item SET state = 'dead', place = ?2, reason = ?3, coalesce_key = NULL WHERE id = ?1`,
  revive: `UPDATE sync_item SET state = 'waiting', place = 0, reason = NULL, tries_from = attempt, not_before_ms = 0
    WHERE id = ?1`,
  replace: 'UPDATE sync_item SET payload = ?2, revision = revision + 1 WHERE id = ?1',
  remove: 'DELETE FROM sync_item WHERE id = ?1',
  unclaimed: `SELECT id, revision, payload FROM sync_item WHERE queue = ?1 AND coalesce_key = ?2`,

  /** The first ready items of a priority. */
  heads: `SELECT id, key, ready_ms FROM sync_item
    WHERE queue = ?1 AND priority = ?2 AND state = 'ready' ORDER BY place LIMIT ?3`,
  head: `SELECT id, priority, key, ready_ms FROM sync_item
    WHERE queue = ?1 AND priority = ?2 AND state = 'ready' ORDER BY place LIMIT 1`,
  oldest: `SELECT id, key, length(payload) AS bytes FROM sync_item
    WHERE queue = ?1 AND priority = ?2 AND state = 'ready' ORDER BY place`,
  newest: `SELECT id, key, length(payload) AS bytes FROM sync_item
    WHERE queue = ?1 AND priority = ?2 AND state = 'ready' ORDER BY place DESC`,
  /** The smallest place of a timed state. */
  first: `SELECT min(place) AS place FROM sync_item
    WHERE queue = ?1 AND state = ?2 AND state IN ('delayed', 'leased', 'dead')`,
  due: `SELECT id, priority, key, not_before_ms, attempt, tries_from, length(payload) AS bytes FROM sync_item
    WHERE queue = ?1 AND state = ?2 AND state IN ('delayed', 'leased', 'dead') AND place <= ?3
    ORDER BY place, id LIMIT ?4`,
  readyCounts: `SELECT priority, count(*) AS count FROM sync_item
    WHERE queue = ?1 AND state = 'ready' GROUP BY priority`,
  timedCount: `SELECT count(*) AS count FROM sync_item
    WHERE queue = ?1 AND state = ?2 AND state IN ('delayed', 'leased', 'dead')`,
  waitingCount: `SELECT count(*) AS count FROM sync_item WHERE queue = ?1 AND state = 'waiting'`,
  dead: `SELECT id, attempt, priority, key, reason, enqueued_ms, place, payload FROM sync_item
    WHERE queue = ?1 AND state = 'dead' AND state IN ('delayed', 'leased', 'dead') AND (place, id) > (?2, ?3)
    ORDER BY place, id LIMIT ?4`,

  lane: 'SELECT active, stop FROM sync_lane WHERE queue = ?1 AND key = ?2',
  setLane: `INSERT INTO sync_lane (queue, key, active, stop) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (queue, key) DO UPDATE SET active = excluded.active, stop = excluded.stop`,
  removeLane: 'DELETE FROM sync_lane WHERE queue = ?1 AND key = ?2',
  stopped: 'SELECT key FROM sync_lane WHERE queue = ?1 AND stop IS NOT NULL',
  waiting: `SELECT id, not_before_ms, priority FROM sync_item
    WHERE queue = ?1 AND key = ?2 AND state = 'waiting' ORDER BY id LIMIT 1`,

  known: 'SELECT id FROM sync_known WHERE queue = ?1 AND key = ?2 AND until_ms > ?3',
  remember: 'INSERT INTO sync_known (queue, key, id, until_ms) VALUES (?1, ?2, ?3, ?4)',
  forget: 'DELETE FROM sync_known WHERE queue = ?1 AND key = ?2',
  forgetOld: `DELETE FROM sync_known WHERE queue = ?1 AND key IN (
      SELECT key FROM sync_known WHERE queue = ?1 AND until_ms <= ?2 ORDER BY until_ms LIMIT 64)`,
  forgetFirst: `DELETE FROM sync_known WHERE queue = ?1 AND key IN (
      SELECT key FROM sync_known WHERE queue = ?1 ORDER BY until_ms LIMIT ?2)`,
} as const;

export type Statements = Readonly<Record<keyof typeof SQL, Statement>>;

const prepared = new WeakMap<Database, Statements>();

/** Prepared once for each connection. */
export function statementsOf(database: Database): Statements {
  const known = prepared.get(database);
  if (known !== undefined) return known;
  const made = Object.entries(SQL).map(([name, sql]) => [name, database.prepare(sql)]);
  const statements = Object.fromEntries(made) as Statements;
  prepared.set(database, statements);
  return statements;
}
