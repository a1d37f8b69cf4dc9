import { hasTable, type Schema } from '../../sqlite/migrate.ts';

const TABLES = `
CREATE TABLE receipt_schema (version INTEGER NOT NULL);
INSERT INTO receipt_schema VALUES (1);
CREATE TABLE receipt_stream (
  client_id TEXT NOT NULL,
  stream_id TEXT NOT NULL,
  acked_seq INTEGER NOT NULL DEFAULT 0,
  pruned_seq INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (client_id, stream_id)
) WITHOUT ROWID;
CREATE TABLE receipt (
  client_id TEXT NOT NULL,
  stream_id TEXT NOT NULL,
  key TEXT NOT NULL,
  seq INTEGER NOT NULL,
  digest TEXT NOT NULL,
  outcome TEXT NOT NULL,
  saved_ms INTEGER NOT NULL DEFAULT (unixepoch('subsec') * 1000),
  PRIMARY KEY (client_id, stream_id, key)
) WITHOUT ROWID;
CREATE INDEX receipt_seq ON receipt (client_id, stream_id, seq);
`;

/** In a table of its own: `user_version` belongs to the application, whose file this is. */
export const RECEIPT_SCHEMA: Schema = {
  steps: [TABLES],
  versionOf(database) {
    if (!hasTable(database, 'receipt_schema')) return 0;
    const row = database.prepare('SELECT version FROM receipt_schema').get([]);
    return (row as { readonly version: number }).version;
  },
};
