/** Written into the schema; the names of functions carry the version of what they do, so that releases can overlap. */
export const SCHEMA_VERSION = 1;

/**
 * A member is there while `kept_until` is to come, and may work while `beat_until` is. The two differ when it has been
 * closed and may come back, and while a new process of the same name waits for the lease of the old one to end.
 *
 * Nothing but keys is indexed and half of each page stays free: a renewal is a HOT update, which writes no index and
 * leaves nothing for vacuum (PostgreSQL manual, 65.7).
 */
const TABLES = `
CREATE TABLE IF NOT EXISTS @.version (only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row), version integer NOT NULL);

CREATE TABLE IF NOT EXISTS @.shard_group (
  name text COLLATE "C" PRIMARY KEY,
  shards integer NOT NULL,
  -- Of the whole group: what is taken later has a higher one, also when the zones were in other shards before.
  epoch bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE TABLE IF NOT EXISTS @.member (
  group_name text COLLATE "C" NOT NULL,
  member text COLLATE "C" NOT NULL,
  instance uuid NOT NULL,
  weight double precision NOT NULL,
  joined_at timestamptz NOT NULL,
  beat_until timestamptz NOT NULL,
  kept_until timestamptz NOT NULL,
  PRIMARY KEY (group_name, member)
) WITH (fillfactor = 50);

CREATE TABLE IF NOT EXISTS @.shard (
  group_name text COLLATE "C" NOT NULL,
  shard integer NOT NULL,
  owner text COLLATE "C",
  epoch bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (group_name, shard)
) WITH (fillfactor = 50);
`;

/**
 * Joins and takes run one after another: each holds the group's row, and its statements see what those before it have
 * committed. They are functions, so that no client that stops in the middle holds the row.
 *
 * Members whose time is over are deleted first. A renewal that is under way at that moment either comes before, and the
 * member stays, or finds no row any more. `now()` is when the call began, so waiting makes nobody look dead.
 */
const JOIN = `
CREATE OR REPLACE FUNCTION @.join_v1(
  a_group text, a_member text, a_instance uuid, a_previous uuid, a_weight double precision, a_shards integer, a_ttl_ms double precision
) RETURNS TABLE (outcome text, total integer) LANGUAGE plpgsql AS $body$
DECLARE
  known integer;
  ends timestamptz := now() + a_ttl_ms * interval '1 millisecond';
BEGIN
  -- Who asked has given up by then, for a request has less than half of a lease, and asks again: what waits on would pile up.
  PERFORM set_config('lock_timeout', greatest(1, a_ttl_ms / 2)::bigint::text, true);
  INSERT INTO @.shard_group AS g (name, shards) VALUES (a_group, a_shards) ON CONFLICT DO NOTHING;
  SELECT g.shards INTO known FROM @.shard_group g WHERE g.name = a_group FOR UPDATE;
  DELETE FROM @.member m WHERE m.group_name = a_group AND m.kept_until <= now();

  -- Another process of this name may still work. It is said to be there, so that nobody takes the shards meanwhile.
  UPDATE @.member m SET kept_until = greatest(m.kept_until, ends)
    WHERE m.group_name = a_group AND m.member = a_member AND m.beat_until > now()
      AND m.instance <> a_instance AND m.instance IS DISTINCT FROM a_previous;
  IF FOUND THEN
    RETURN QUERY SELECT 'waiting', known;
    RETURN;
  END IF;

  IF known <> a_shards THEN
    PERFORM FROM @.member m WHERE m.group_name = a_group AND m.member <> a_member;
    IF FOUND THEN
      RETURN QUERY SELECT 'mismatch', known;
      RETURN;
    END IF;
    DELETE FROM @.shard s WHERE s.group_name = a_group AND s.shard >= a_shards;
    UPDATE @.shard_group g SET shards = a_shards WHERE g.name = a_group;
  END IF;
  IF (SELECT count(*) FROM @.shard s WHERE s.group_name = a_group) < a_shards THEN
    INSERT INTO @.shard (group_name, shard) SELECT a_group, n FROM generate_series(0, a_shards - 1) AS n ON CONFLICT DO NOTHING;
  END IF;

  INSERT INTO @.member AS m (group_name, member, instance, weight, joined_at, beat_until, kept_until)
    VALUES (a_group, a_member, a_instance, a_weight, now(), ends, ends)
    ON CONFLICT (group_name, member) DO UPDATE
      SET instance = a_instance, weight = a_weight, joined_at = now(), beat_until = ends, kept_until = ends;
  RETURN QUERY SELECT 'joined', a_shards;
END $body$;
`;

/**
 * Nobody is waited for: a shard whose row is locked, by a fenced transaction of its last owner, is left out.
 *
 * To statistics of other groups a new one seems to have one row, so that of a join, or of an `IN` alone, the planner makes
 * a loop that goes through all rows for each row. `IN` under `IS TRUE` is not made a join: it is looked up in a hash table.
 */
const TAKE = `
CREATE OR REPLACE FUNCTION @.take_v1(
  a_group text, a_member text, a_instance uuid, a_wanted integer[]
) RETURNS TABLE (taken integer, taken_epoch bigint) LANGUAGE plpgsql AS $body$
DECLARE
  next_epoch bigint;
BEGIN
  -- As in a join; without a lease there is nothing to wait for.
  PERFORM set_config('lock_timeout', greatest(1, extract(epoch FROM m.beat_until - now()) * 1000)::bigint::text, true)
    FROM @.member m WHERE m.group_name = a_group AND m.member = a_member AND m.instance = a_instance;
  IF NOT FOUND THEN RETURN; END IF;

  UPDATE @.shard_group g SET epoch = g.epoch + 1 WHERE g.name = a_group RETURNING g.epoch INTO next_epoch;
  DELETE FROM @.member m WHERE m.group_name = a_group AND m.kept_until <= now();
  -- Also when the call had to wait for so long that the lease is over.
  PERFORM FROM @.member m WHERE m.group_name = a_group AND m.member = a_member AND m.instance = a_instance
    AND m.beat_until > clock_timestamp();
  IF NOT FOUND THEN RETURN; END IF;

  RETURN QUERY UPDATE @.shard s SET owner = a_member, epoch = next_epoch
    WHERE s.group_name = a_group AND (s.shard IN (
      SELECT f.shard FROM @.shard f
        WHERE f.group_name = a_group AND (f.shard IN (SELECT unnest(a_wanted))) IS TRUE
          -- Not true also of a shard without an owner.
          AND (f.owner = a_member OR (f.owner IN (SELECT m.member FROM @.member m WHERE m.group_name = a_group)) IS NOT TRUE)
        ORDER BY f.shard
        FOR UPDATE SKIP LOCKED)) IS TRUE
    RETURNING s.shard, s.epoch;
END $body$;
`;

export const SCHEMA_PARTS: readonly string[] = [TABLES, JOIN, TAKE];
