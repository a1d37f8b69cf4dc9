import { quoteIdentifier } from '@holdfast/internal';
import { SCHEMA_PARTS, SCHEMA_VERSION } from './tables.ts';

const CALLS = {
  version: `SELECT version FROM @.version`,
  join: `SELECT outcome, total FROM @.join_v1($1, $2, $3, $4, $5, $6, $7)`,
  take: `SELECT taken, taken_epoch::text AS epoch FROM @.take_v1($1, $2, $3, $4)`,
  // A lease that has ended is not extended: others may have seen its end.
  renew: `UPDATE @.member SET beat_until = now() + $4::double precision * interval '1 millisecond',
    kept_until = greatest(kept_until, now() + $4::double precision * interval '1 millisecond')
  WHERE group_name = $1 AND member = $2 AND instance = $3 AND beat_until > now() RETURNING true AS is_renewed`,
  // As texts, so that what is made of them does not depend on the parsers of types that are set in the driver.
  look: `SELECT
    (SELECT coalesce(json_agg(json_build_object('id', m.member, 'weight', m.weight)), '[]')::text
      FROM @.member m WHERE m.group_name = $1 AND m.kept_until > now()) AS members,
    (SELECT count(*)::text FROM @.shard s WHERE s.group_name = $1 AND (s.owner IN (
      SELECT m.member FROM @.member m WHERE m.group_name = $1 AND m.beat_until > now())) IS NOT TRUE) AS unowned,
    (SELECT coalesce(json_agg(json_build_array(s.shard, s.epoch::text)), '[]')::text
      FROM @.shard s WHERE s.group_name = $1 AND s.owner = $2) AS mine`,
  // A row that a fenced transaction holds is left out, and given back later. IS TRUE: as in take_v1.
  free: `UPDATE @.shard s SET owner = NULL WHERE s.group_name = $1 AND (s.shard IN (
    SELECT f.shard FROM @.shard f
    WHERE f.group_name = $1 AND f.owner = $2
      AND ((f.shard, f.epoch) IN (SELECT * FROM unnest($3::integer[], $4::bigint[]))) IS TRUE
    FOR UPDATE SKIP LOCKED)) IS TRUE RETURNING s.shard`,
  // Its shards are kept for it: whoever reads the row sees that it is there, and that it does not work.
  leaveForAWhile: `UPDATE @.member SET beat_until = now(), kept_until = now() + $4::double precision * interval '1 millisecond'
  WHERE group_name = $1 AND member = $2 AND instance = $3`,
  leave: `DELETE FROM @.member WHERE group_name = $1 AND member = $2 AND instance = $3`,
  // SHARE, and not KEY SHARE, which lets an UPDATE of owner and epoch pass: they are no key (PostgreSQL manual, 13.3.2).
  // The bound on idleness is in the same statement, so that there is no moment without it in which the row is held. A text
  // such as `500ms` is an interval as well; 0 is none.
  fence: `SELECT set_config('idle_in_transaction_session_timeout', least($5::bigint, nullif(
      extract(epoch FROM current_setting('idle_in_transaction_session_timeout')::interval) * 1000, 0))::bigint::text, true)
    FROM @.shard WHERE group_name = $1 AND shard = $2 AND owner = $3 AND epoch = $4 FOR SHARE`,
} as const;

export type Calls = Readonly<Record<keyof typeof CALLS, string>>;

/** The statements, in a schema. They are sent without a name, so that poolers may spread them. */
export function callsIn(schema: string): Calls {
  const calls = Object.entries(CALLS).map(([name, text]) => [name, inSchema(text, schema)]);
  return Object.fromEntries(calls) as Calls;
}

/** What makes the schema, or what is missing of it. */
export function installStatements(schema: string): string[] {
  return [
    `CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(schema)};`,
    ...SCHEMA_PARTS.map((part) => inSchema(part, schema).trim()),
    // An older release that comes later must not say that the schema is older than it is.
    inSchema(
      `INSERT INTO @.version (version) VALUES (${SCHEMA_VERSION})
ON CONFLICT (only_row) DO UPDATE SET version = greatest(@.version.version, excluded.version);`,
      schema,
    ),
  ];
}

function inSchema(text: string, schema: string): string {
  return text.replaceAll('@.', () => `${quoteIdentifier(schema)}.`);
}
