/**
 * What a function that a client calls is planned with: its statements walk an index in order, and a plan that was made
 * while the table was small, and is kept by the session, must do so, too. Without JIT, which a plan with such costs would
 * call for. Names are looked up in no schema of the caller's.
 */
export const PLANNED = `SET search_path = pg_catalog, pg_temp SET jit = off SET enable_seqscan = off
  SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_sort = off`;

export const BASE = `
-- Not now(), which is when the transaction of the caller began.
CREATE OR REPLACE FUNCTION @.now_us_v1() RETURNS bigint LANGUAGE sql VOLATILE AS $body$
  SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
$body$;

CREATE OR REPLACE FUNCTION @.queue_no_v1(p_queue text) RETURNS integer LANGUAGE plpgsql AS $body$
DECLARE
  v_no integer;
BEGIN
  SELECT no INTO v_no FROM @.queue WHERE name = p_queue;
  IF FOUND THEN RETURN v_no; END IF;
  INSERT INTO @.queue (name) VALUES (p_queue) ON CONFLICT (name) DO NOTHING;
  SELECT no INTO STRICT v_no FROM @.queue WHERE name = p_queue;
  INSERT INTO @.gate (queue) VALUES (v_no) ON CONFLICT DO NOTHING;
  INSERT INTO @.shelf (queue) VALUES (v_no) ON CONFLICT DO NOTHING;
  INSERT INTO @.slot (queue, slot) SELECT v_no, s FROM generate_series(0, 15) s ON CONFLICT DO NOTHING;
  RETURN v_no;
END $body$;

-- Items have left: noted in a slot that nobody else writes to just now, so that consumers do not wait for each other.
CREATE OR REPLACE FUNCTION @.give_room_v1(p_no integer, p_count bigint, p_bytes bigint) RETURNS void
LANGUAGE plpgsql AS $body$
DECLARE
  v_slot smallint := pg_backend_pid() % 16;
BEGIN
  PERFORM 1 FROM @.slot WHERE queue = p_no AND slot = v_slot FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN
    SELECT slot INTO v_slot FROM @.slot WHERE queue = p_no LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN v_slot := pg_backend_pid() % 16; END IF;
  END IF;
  UPDATE @.slot SET count = count - p_count, bytes = bytes - p_bytes WHERE queue = p_no AND slot = v_slot;
END $body$;
`;
