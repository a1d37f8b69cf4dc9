import { hasTable, type Schema } from '../../sqlite/migrate.ts';

/**
 * `outbox_unit.seq` is the order of arrival. `outbox_place` orders the units of a lane. Counts and bytes are kept
 * in `outbox_total`, so that nothing has to be counted at the start: by triggers, but for what is inserted.
 */
const TABLES = `
CREATE TABLE outbox_meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE outbox_unit (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  key TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('ready', 'blocked', 'parked', 'sent', 'quarantined')),
  priority INTEGER NOT NULL,
  lanes TEXT NOT NULL,
  is_group INTEGER NOT NULL,
  has_dependents INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  rounds INTEGER NOT NULL,
  payload BLOB NOT NULL,
  wire BLOB,
  wire_seq INTEGER,
  enqueued_ms INTEGER NOT NULL,
  since_ms REAL NOT NULL,
  reason TEXT,
  quarantined_ms INTEGER
);
CREATE INDEX outbox_ready ON outbox_unit (priority, seq) WHERE state = 'ready';
CREATE INDEX outbox_state ON outbox_unit (state);
CREATE INDEX outbox_wire ON outbox_unit (wire_seq) WHERE wire_seq IS NOT NULL;
CREATE TABLE outbox_place (
  lane TEXT NOT NULL,
  place INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (lane, place)
) WITHOUT ROWID;
CREATE INDEX outbox_place_seq ON outbox_place (seq);
CREATE TABLE outbox_edge (
  parent INTEGER NOT NULL,
  child INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('order', 'needs')),
  PRIMARY KEY (parent, child)
) WITHOUT ROWID;
CREATE INDEX outbox_edge_child ON outbox_edge (child);
CREATE TABLE outbox_total (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  count INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  quarantined INTEGER NOT NULL
);
INSERT INTO outbox_total VALUES (1, 0, 0, 0);
CREATE TRIGGER outbox_added AFTER INSERT ON outbox_unit BEGIN
  UPDATE outbox_total SET count = count + 1, bytes = bytes + length(new.payload),
    quarantined = quarantined + (new.state = 'quarantined');
END;
CREATE TRIGGER outbox_removed AFTER DELETE ON outbox_unit BEGIN
  UPDATE outbox_total SET count = count - 1, bytes = bytes - length(old.payload),
    quarantined = quarantined - (old.state = 'quarantined');
END;
CREATE TRIGGER outbox_changed AFTER UPDATE OF payload, state ON outbox_unit BEGIN
  UPDATE outbox_total SET bytes = bytes + length(new.payload) - length(old.payload),
    quarantined = quarantined + (new.state = 'quarantined') - (old.state = 'quarantined');
END;
INSERT INTO outbox_meta VALUES ('schema', '1');
`;

/** A trigger makes SQLite keep a copy of each page that an insert changes; the rows count for all of a commit at once. */
const COUNTED_BY_ROWS = `
DROP TRIGGER outbox_added;
UPDATE outbox_meta SET value = '2' WHERE name = 'schema';
`;

/** In a table of its own: `user_version` belongs to the application, whose file this may be. */
export const OUTBOX_SCHEMA: Schema = {
  steps: [TABLES, COUNTED_BY_ROWS],
  versionOf(database) {
    if (!hasTable(database, 'outbox_meta')) return 0;
    const row = database.prepare("SELECT value FROM outbox_meta WHERE name = 'schema'").get([]);
    return Number((row as { readonly value: string } | undefined)?.value ?? 0);
  },
};
