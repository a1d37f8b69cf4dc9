import type { Schema } from './migrate.ts';

/**
 * An item is `ready`, `delayed`, `leased`, `waiting` behind its key, or `dead`. `place` orders the items of a state: `ready`
 * by delivery, `delayed` by when they are due, `leased` by when the lease ends, `dead` by when they died. `head` and `tail`
 * of a queue are the places of the first and the last ready item. An id is never used again (SQLite, "Autoincrement").
 */
const TABLES = `
CREATE TABLE sync_queue (
  queue TEXT PRIMARY KEY,
  count INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0,
  dead_count INTEGER NOT NULL DEFAULT 0,
  dead_bytes INTEGER NOT NULL DEFAULT 0,
  head INTEGER NOT NULL DEFAULT 0,
  tail INTEGER NOT NULL DEFAULT 0,
  evicted INTEGER NOT NULL DEFAULT 0,
  dead_overflow INTEGER NOT NULL DEFAULT 0,
  dead_expired INTEGER NOT NULL DEFAULT 0,
  is_paused INTEGER NOT NULL DEFAULT 0,
  paused_priorities TEXT NOT NULL DEFAULT '',
  rate_full_ms REAL NOT NULL DEFAULT 0,
  known INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE sync_item (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  queue TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('ready', 'delayed', 'leased', 'waiting', 'dead')),
  place INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  key TEXT,
  ready_ms INTEGER NOT NULL,
  not_before_ms INTEGER NOT NULL,
  enqueued_ms INTEGER NOT NULL,
  sample_rate REAL NOT NULL,
  attempt INTEGER NOT NULL DEFAULT 0,
  tries_from INTEGER NOT NULL DEFAULT 0,
  coalesce_key TEXT,
  revision INTEGER NOT NULL DEFAULT 1,
  reason TEXT,
  payload BLOB NOT NULL
);
CREATE INDEX sync_item_ready ON sync_item (queue, priority, place) WHERE state = 'ready';
CREATE INDEX sync_item_timed ON sync_item (queue, state, place, id) WHERE state IN ('delayed', 'leased', 'dead');
CREATE INDEX sync_item_waiting ON sync_item (queue, key, id) WHERE state = 'waiting';
CREATE UNIQUE INDEX sync_item_unclaimed ON sync_item (queue, coalesce_key) WHERE coalesce_key IS NOT NULL;
CREATE TABLE sync_lane (
  queue TEXT NOT NULL,
  key TEXT NOT NULL,
  active INTEGER NOT NULL DEFAULT 0,
  stop TEXT,
  PRIMARY KEY (queue, key)
) WITHOUT ROWID;
CREATE INDEX sync_lane_stopped ON sync_lane (queue) WHERE stop IS NOT NULL;
CREATE TABLE sync_known (
  queue TEXT NOT NULL,
  key TEXT NOT NULL,
  id INTEGER NOT NULL,
  until_ms INTEGER NOT NULL,
  PRIMARY KEY (queue, key)
) WITHOUT ROWID;
CREATE INDEX sync_known_until ON sync_known (queue, until_ms);
`;

const WITH_SETTINGS = `
ALTER TABLE sync_queue ADD COLUMN settings TEXT;
PRAGMA user_version = 2;
`;

/** Of the queue: a file of its own, whose `user_version` is that of the schema. */
export const QUEUE_SCHEMA: Schema = {
  steps: [TABLES, WITH_SETTINGS],
  versionOf(database) {
    const row = database.prepare('PRAGMA user_version').get([]);
    return (row as { readonly user_version: number }).user_version;
  },
};
