/**
 * An item is ready (0), delayed (1), waiting behind its key (2) or leased (3); dead letters have a table of their own.
 * `until_us` is when a delayed item is due, when a lease ends, or before when a waiting item is not to be ready. Times are
 * microseconds since the epoch. A lane is a key as it can be indexed: long ones by their digest.
 *
 * An acknowledged item is deleted, so the table stays as small as the queue. Room on each page and an eager vacuum keep it
 * so under many updates (PostgreSQL manual, 25.1 Routine Vacuuming).
 */
export const TABLES = `
CREATE TABLE IF NOT EXISTS @.version (only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row), version integer NOT NULL);

CREATE TABLE IF NOT EXISTS @.queue (
  no integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text COLLATE "C" NOT NULL UNIQUE,
  is_paused boolean NOT NULL DEFAULT false,
  paused_priorities smallint[] NOT NULL DEFAULT '{}'
);
-- From version 2 on: as the queue was opened last, for operators. Looked at first, since ALTER TABLE holds everybody up.
DO $body$ BEGIN
  PERFORM 1 FROM pg_catalog.pg_attribute WHERE attrelid = '@.queue'::regclass AND attname = 'settings' AND NOT attisdropped;
  IF NOT FOUND THEN ALTER TABLE @.queue ADD COLUMN settings jsonb; END IF;
END $body$;

-- What producers wait for: one at a time decides what there is room for.
CREATE TABLE IF NOT EXISTS @.gate (
  queue integer PRIMARY KEY,
  count bigint NOT NULL DEFAULT 0,
  bytes bigint NOT NULL DEFAULT 0,
  evicted bigint NOT NULL DEFAULT 0,
  known bigint NOT NULL DEFAULT 0,
  known_from_us bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

-- What consumers have taken out since, so that they never wait for producers: the queue holds the sum of both tables.
CREATE TABLE IF NOT EXISTS @.slot (
  queue integer NOT NULL,
  slot smallint NOT NULL,
  count bigint NOT NULL DEFAULT 0,
  bytes bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (queue, slot)
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

-- The budget of the dead letters; whoever changes them holds it.
CREATE TABLE IF NOT EXISTS @.shelf (
  queue integer PRIMARY KEY,
  count bigint NOT NULL DEFAULT 0,
  bytes bigint NOT NULL DEFAULT 0,
  overflowed bigint NOT NULL DEFAULT 0,
  expired bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 10);

CREATE TABLE IF NOT EXISTS @.rate (queue integer PRIMARY KEY, full_us double precision NOT NULL) WITH (fillfactor = 10);

CREATE TABLE IF NOT EXISTS @.item (
  id bigint PRIMARY KEY,
  ready_us bigint NOT NULL,
  until_us bigint NOT NULL,
  enqueued_us bigint NOT NULL,
  sample_rate double precision NOT NULL,
  queue integer NOT NULL,
  attempt integer NOT NULL DEFAULT 0,
  tries_from integer NOT NULL DEFAULT 0,
  revision integer NOT NULL DEFAULT 1,
  bytes integer NOT NULL,
  state smallint NOT NULL,
  priority smallint NOT NULL,
  lane text COLLATE "C",
  key text COLLATE "C",
  coalesce_key text COLLATE "C",
  payload bytea NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000,
  autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.1, autovacuum_vacuum_cost_delay = 0);
CREATE SEQUENCE IF NOT EXISTS @.item_id;

-- One index a way to look for items: what is blocked, delayed or leased is never among what is ready.
CREATE INDEX IF NOT EXISTS item_ready ON @.item (queue, priority, ready_us, id) WHERE state = 0;
CREATE INDEX IF NOT EXISTS item_timed ON @.item (queue, until_us, id) WHERE state IN (1, 3);
CREATE INDEX IF NOT EXISTS item_lane ON @.item (queue, lane, id) WHERE lane IS NOT NULL AND state < 3;
CREATE UNIQUE INDEX IF NOT EXISTS item_unclaimed ON @.item (queue, coalesce_key) WHERE coalesce_key IS NOT NULL;

-- Of each key that has active items: how many, and what stops it: nothing (null), a pause (0), or a dead letter (its id).
CREATE TABLE IF NOT EXISTS @.lane (
  queue integer NOT NULL,
  lane text COLLATE "C" NOT NULL,
  key text COLLATE "C",
  active integer NOT NULL DEFAULT 0,
  stop bigint,
  PRIMARY KEY (queue, lane)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
CREATE INDEX IF NOT EXISTS lane_stopped ON @.lane (queue) WHERE stop IS NOT NULL;

CREATE TABLE IF NOT EXISTS @.known (
  queue integer NOT NULL,
  key text COLLATE "C" NOT NULL,
  id bigint NOT NULL,
  until_us bigint NOT NULL,
  PRIMARY KEY (queue, key)
) WITH (autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX IF NOT EXISTS known_until ON @.known (queue, until_us);

CREATE TABLE IF NOT EXISTS @.dead (
  id bigint PRIMARY KEY,
  died_us bigint NOT NULL,
  enqueued_us bigint NOT NULL,
  sample_rate double precision NOT NULL,
  queue integer NOT NULL,
  attempt integer NOT NULL,
  bytes integer NOT NULL,
  priority smallint NOT NULL,
  lane text COLLATE "C",
  key text COLLATE "C",
  reason text NOT NULL,
  payload bytea NOT NULL
);
CREATE INDEX IF NOT EXISTS dead_died ON @.dead (queue, died_us, id);
`;
