import { quoteTable } from '@holdfast/internal';

export interface ReceiptTables {
  readonly schema?: string | undefined;
  /** Prefix of the names of the two tables. */
  readonly prefix: string;
}

/** Every statement of the store, for two tables. */
export interface ReceiptStatements {
  readonly createSchema: string;
  readonly addStream: string;
  readonly lockStream: string;
  readonly find: string;
  readonly save: string;
  readonly acknowledge: string;
  readonly markAcked: string;
  readonly prune: string;
  readonly pruneAll: string;
}

export function receiptStatements({ schema, prefix }: ReceiptTables): ReceiptStatements {
  const streams = quoteTable({ schema, table: `${prefix}_stream` });
  const receipts = quoteTable({ schema, table: `${prefix}_receipt` });
  const index = quoteTable({ table: `${prefix}_receipt_seq` });
  return {
    createSchema: `
CREATE TABLE IF NOT EXISTS ${streams} (
  client_id text NOT NULL,
  stream_id text NOT NULL,
  acked_seq bigint NOT NULL DEFAULT 0,
  pruned_seq bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (client_id, stream_id)
);
CREATE TABLE IF NOT EXISTS ${receipts} (
  client_id text NOT NULL,
  stream_id text NOT NULL,
  key text NOT NULL,
  seq bigint NOT NULL,
  digest text NOT NULL,
  outcome json NOT NULL,
  saved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (client_id, stream_id, key)
);
CREATE INDEX IF NOT EXISTS ${index} ON ${receipts} (client_id, stream_id, seq)`,
    // A second request of a new stream waits here for the first one's commit.
    addStream: `INSERT INTO ${streams} (client_id, stream_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
    // Requests of one stream run one after another.
    lockStream: `SELECT acked_seq, pruned_seq FROM ${streams} WHERE client_id = $1 AND stream_id = $2 FOR UPDATE`,
    find: `SELECT key, seq, digest, outcome FROM ${receipts}
      WHERE client_id = $1 AND stream_id = $2 AND key = ANY ($3::text[])`,
    save: `INSERT INTO ${receipts} (client_id, stream_id, key, seq, digest, outcome)
      SELECT $1, $2, key, seq, digest, outcome
      FROM unnest($3::text[], $4::bigint[], $5::text[], $6::json[]) AS fresh (key, seq, digest, outcome)`,
    acknowledge: `DELETE FROM ${receipts} WHERE client_id = $1 AND stream_id = $2 AND seq <= $3`,
    markAcked: `UPDATE ${streams} SET acked_seq = $3 WHERE client_id = $1 AND stream_id = $2`,
    prune: `
WITH gone AS (
  DELETE FROM ${receipts} WHERE client_id = $1 AND stream_id = $2 AND (
    saved_at < clock_timestamp() - $4 * interval '1 millisecond'
    OR seq <= (SELECT seq FROM ${receipts} WHERE client_id = $1 AND stream_id = $2
      ORDER BY seq DESC OFFSET $3 LIMIT 1))
  RETURNING seq)
UPDATE ${streams} SET pruned_seq = greatest(pruned_seq, (SELECT max(seq) FROM gone))
WHERE client_id = $1 AND stream_id = $2 AND EXISTS (SELECT FROM gone)`,
    pruneAll: `
WITH gone AS (
  DELETE FROM ${receipts} WHERE saved_at < clock_timestamp() - $1 * interval '1 millisecond'
  RETURNING client_id, stream_id, seq),
marked AS (
  UPDATE ${streams} s SET pruned_seq = greatest(pruned_seq, g.seq)
  FROM (SELECT client_id, stream_id, max(seq) AS seq FROM gone GROUP BY 1, 2) g
  WHERE s.client_id = g.client_id AND s.stream_id = g.stream_id)
SELECT count(*)::int AS gone FROM gone`,
  };
}
