import type { Database, Statement } from './database.ts';

/** Every statement of the store; parameters by number, so that one value may be used twice. */
const SQL = {
  addQueue: 'INSERT INTO sync_queue (queue) VALUES (?1) ON CONFLICT DO NOTHING',
  queue: 'SELECT count, bytes, head, tail FROM sync_queue WHERE queue = ?1',
  updateQueue:
    'UPDATE sync_queue SET count = ?2, bytes = ?3, head = ?4, tail = ?5 WHERE queue = ?1',
  has: 'SELECT 1 AS found FROM sync_item WHERE queue = ?1 AND id = ?2',
  insert: `INSERT INTO sync_item (queue, id, state, place, enqueued_ms, payload)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)`,
  move: 'UPDATE sync_item SET state = ?3, place = ?4, reason = ?5 WHERE queue = ?1 AND id = ?2',
  lease: `UPDATE sync_item SET state = 'leased', place = ?3, attempt = attempt + 1
    WHERE queue = ?1 AND id = ?2`,
  /** Only while the lease is held: by its state and by the fencing token. */
  leased: `SELECT length(payload) AS bytes FROM sync_item
    WHERE queue = ?1 AND id = ?2 AND state = 'leased' AND attempt = ?3`,
  remove: 'DELETE FROM sync_item WHERE queue = ?1 AND id = ?2',
  /** The smallest place of a state. */
  first: 'SELECT min(place) AS place FROM sync_item WHERE queue = ?1 AND state = ?2',
  due: `SELECT id, attempt, tries_from FROM sync_item
    WHERE queue = ?1 AND state = ?2 AND place <= ?3 ORDER BY place LIMIT ?4`,
  ready: `SELECT id, attempt, tries_from, enqueued_ms, payload FROM sync_item
    WHERE queue = ?1 AND state = 'ready' ORDER BY place LIMIT ?2`,
  states: 'SELECT state, count(*) AS count FROM sync_item WHERE queue = ?1 GROUP BY state',
  dead: `SELECT id, attempt, reason, enqueued_ms, place, payload FROM sync_item
    WHERE queue = ?1 AND state = 'dead' ORDER BY place, rowid LIMIT ?2`,
  oldestDead: `SELECT id, length(payload) AS bytes FROM sync_item
    WHERE queue = ?1 AND state = 'dead' ORDER BY place, rowid LIMIT ?2`,
  deadById: `SELECT id, length(payload) AS bytes FROM sync_item
    WHERE queue = ?1 AND state = 'dead' AND id IN (SELECT value FROM json_each(?2))`,
  redrive: `UPDATE sync_item SET state = 'ready', place = ?3, reason = NULL, tries_from = attempt
    WHERE queue = ?1 AND id = ?2`,
} as const;

export type Statements = Readonly<Record<keyof typeof SQL, Statement>>;

export function prepareStatements(database: Database): Statements {
  const prepared = Object.entries(SQL).map(([name, sql]) => [name, database.prepare(sql)]);
  return Object.fromEntries(prepared) as Statements;
}
