import { PLANNED } from './base.ts';

/** Dead letters, within their own budget. Whoever calls one of the first three holds the row of the shelf. */
export const DEAD = `
-- It is no longer among the dead, and a key that it has halted goes on.
CREATE OR REPLACE FUNCTION @.remove_dead_v1(p_no integer, p_id bigint, p_concurrency integer, p_now bigint) RETURNS void
LANGUAGE plpgsql AS $body$
DECLARE
  v_bytes bigint;
  v_lane text;
BEGIN
  DELETE FROM @.dead WHERE id = p_id AND queue = p_no RETURNING bytes, lane INTO v_bytes, v_lane;
  UPDATE @.shelf SET count = count - 1, bytes = bytes - v_bytes WHERE queue = p_no;
  PERFORM 1 FROM @.lane WHERE queue = p_no AND lane = v_lane AND stop = p_id FOR UPDATE;
  IF FOUND THEN PERFORM @.resume_lane_v1(p_no, v_lane, p_concurrency, p_now); END IF;
END $body$;

-- Whether there is room for one more, once the oldest ones have gone where they may be dropped.
CREATE OR REPLACE FUNCTION @.make_room_among_dead_v1(p_no integer, p_bytes bigint, p_settings jsonb, p_now bigint)
RETURNS boolean LANGUAGE plpgsql AS $body$
DECLARE
  v_max_count double precision := coalesce((p_settings->>'deadMaxCount')::double precision, 'Infinity');
  v_max_bytes double precision := coalesce((p_settings->>'deadMaxBytes')::double precision, 'Infinity');
  v_oldest bigint;
BEGIN
  LOOP
    PERFORM 1 FROM @.shelf WHERE queue = p_no AND count < v_max_count AND bytes + p_bytes <= v_max_bytes;
    IF FOUND THEN RETURN true; END IF;
    IF p_settings->>'whenFull' <> 'drop-oldest' OR p_bytes > v_max_bytes THEN RETURN false; END IF;
    SELECT id INTO v_oldest FROM @.dead WHERE queue = p_no ORDER BY died_us, id LIMIT 1;
    IF NOT FOUND THEN RETURN false; END IF;
    PERFORM @.remove_dead_v1(p_no, v_oldest, (p_settings->>'concurrency')::integer, p_now);
    UPDATE @.shelf SET overflowed = overflowed + 1 WHERE queue = p_no;
  END LOOP;
END $body$;

-- False: there is no room, and nothing has changed. The caller counts that the item has left.
CREATE OR REPLACE FUNCTION @.bury_v1(p_no integer, p_id bigint, p_reason text, p_settings jsonb, p_now bigint)
RETURNS boolean LANGUAGE plpgsql AS $body$
DECLARE
  v_item @.item%ROWTYPE;
BEGIN
  SELECT * INTO v_item FROM @.item WHERE id = p_id FOR UPDATE;
  IF NOT @.make_room_among_dead_v1(p_no, v_item.bytes, p_settings, p_now) THEN RETURN false; END IF;
  DELETE FROM @.item WHERE id = p_id;
  INSERT INTO @.dead (id, died_us, enqueued_us, sample_rate, queue, attempt, bytes, priority, lane, key, reason, payload)
  VALUES (p_id, p_now, v_item.enqueued_us, v_item.sample_rate, p_no, v_item.attempt, v_item.bytes, v_item.priority,
    v_item.lane, v_item.key, p_reason, v_item.payload);
  UPDATE @.shelf SET count = count + 1, bytes = bytes + v_item.bytes WHERE queue = p_no;
  IF v_item.lane IS NOT NULL THEN
    -- What is evicted was in nobody's hands, so it halts nothing.
    IF v_item.state = 3 AND (p_settings->>'halts')::boolean THEN
      PERFORM 1 FROM @.lane WHERE queue = p_no AND lane = v_item.lane AND stop IS NULL FOR UPDATE;
      IF FOUND THEN PERFORM @.stop_lane_v1(p_no, v_item.lane, v_item.key, p_id); END IF;
    END IF;
    PERFORM @.advance_v1(p_no, ARRAY[v_item.lane], ARRAY[1], (p_settings->>'concurrency')::integer, p_now);
  END IF;
  RETURN true;
END $body$;

-- What is returned: how many are ready again, and for how many the queue has no room.
CREATE OR REPLACE FUNCTION @.redrive_v1(
  p_queue text, p_settings jsonb, p_channel text, p_news text, p_ids bigint[],
  OUT o_redriven integer, OUT o_full integer, OUT o_now bigint
) LANGUAGE plpgsql ${PLANNED} AS $body$
DECLARE
  v_no integer := @.queue_no_v1(p_queue);
  v_concurrency integer := (p_settings->>'concurrency')::integer;
  v_max_count double precision := coalesce((p_settings->>'maxCount')::double precision, 'Infinity');
  v_max_bytes double precision := coalesce((p_settings->>'maxBytes')::double precision, 'Infinity');
  v_count bigint; v_bytes bigint; v_free_count bigint; v_free_bytes bigint;
  v_id bigint;
  v_dead @.dead%ROWTYPE;
  v_is_halting boolean; v_is_active boolean;
BEGIN
  o_redriven := 0; o_full := 0;
  SELECT count, bytes INTO v_count, v_bytes FROM @.gate WHERE queue = v_no FOR UPDATE;
  PERFORM 1 FROM @.shelf WHERE queue = v_no FOR UPDATE;
  SELECT sum(count), sum(bytes) INTO v_free_count, v_free_bytes FROM @.slot WHERE queue = v_no;
  o_now := @.now_us_v1();
  FOREACH v_id IN ARRAY p_ids LOOP
    SELECT * INTO v_dead FROM @.dead WHERE id = v_id AND queue = v_no;
    CONTINUE WHEN NOT FOUND;
    PERFORM 1 FROM @.lane WHERE queue = v_no AND lane = v_dead.lane AND stop = v_id FOR UPDATE;
    v_is_halting := FOUND;
    -- Without room for the item that halts its key, a full queue whose keys have all halted could never empty.
    IF NOT v_is_halting AND (v_count + v_free_count >= v_max_count
      OR v_bytes + v_free_bytes + v_dead.bytes > v_max_bytes) THEN
      o_full := o_full + 1;
      CONTINUE;
    END IF;
    v_is_active := v_dead.lane IS NULL OR @.enter_lane_v1(v_no, v_dead.lane, v_dead.key, v_concurrency);
    INSERT INTO @.item (id, ready_us, until_us, enqueued_us, sample_rate, queue, attempt, tries_from, bytes, state,
      priority, lane, key, payload)
    VALUES (v_id, o_now, 0, v_dead.enqueued_us, v_dead.sample_rate, v_no, v_dead.attempt, v_dead.attempt, v_dead.bytes,
      CASE WHEN v_is_active THEN 0 ELSE 2 END, v_dead.priority, v_dead.lane, v_dead.key, v_dead.payload);
    -- Behind the insertion: the key that goes on begins with it.
    PERFORM @.remove_dead_v1(v_no, v_id, v_concurrency, o_now);
    v_count := v_count + 1;
    v_bytes := v_bytes + v_dead.bytes;
    o_redriven := o_redriven + 1;
  END LOOP;
  UPDATE @.gate SET count = v_count, bytes = v_bytes WHERE queue = v_no AND o_redriven > 0;
  IF o_redriven > 0 AND p_news IS NOT NULL THEN PERFORM pg_notify(p_channel, p_news || o_now); END IF;
END $body$;

CREATE OR REPLACE FUNCTION @.purge_v1(
  p_queue text, p_settings jsonb, p_ids bigint[], OUT o_purged integer, OUT o_now bigint
) LANGUAGE plpgsql ${PLANNED} AS $body$
DECLARE
  v_no integer := @.queue_no_v1(p_queue);
  v_id bigint;
BEGIN
  o_purged := 0;
  PERFORM 1 FROM @.shelf WHERE queue = v_no FOR UPDATE;
  o_now := @.now_us_v1();
  FOREACH v_id IN ARRAY p_ids LOOP
    PERFORM 1 FROM @.dead WHERE id = v_id AND queue = v_no;
    CONTINUE WHEN NOT FOUND;
    PERFORM @.remove_dead_v1(v_no, v_id, (p_settings->>'concurrency')::integer, o_now);
    o_purged := o_purged + 1;
  END LOOP;
END $body$;
`;
