/** What time brings: leases that ran out, delays that are over, dead letters that have been kept for long enough. */
export const DUE = `
-- Nothing in here waits for a lock: what another call holds it will see to itself, or the next claim does.
CREATE OR REPLACE FUNCTION @.take_due_v1(
  p_no integer, p_settings jsonb, p_from_us bigint, p_now bigint,
  OUT o_died_ids bigint[], OUT o_died_attempts integer[], OUT o_oldest_us bigint, OUT o_is_complete boolean
) LANGUAGE plpgsql AS $body$
DECLARE
  v_concurrency integer := (p_settings->>'concurrency')::integer;
  v_max_tries double precision := coalesce((p_settings->>'maxTries')::double precision, 'Infinity');
  v_item record;
  v_seen integer := 0; v_tries integer; v_delay_us bigint;
  v_has_shelf boolean;
  v_left bigint := 0; v_left_bytes bigint := 0;
BEGIN
  o_is_complete := true;
  FOR v_item IN
    SELECT id, state, lane, bytes, attempt, tries_from, ready_us FROM @.item
    WHERE queue = p_no AND state IN (1, 3) AND until_us > p_from_us AND until_us <= p_now
    ORDER BY until_us, id LIMIT 250 FOR UPDATE SKIP LOCKED
  LOOP
    v_seen := v_seen + 1;
    IF v_item.state = 1 THEN
      -- One microsecond apart, so that they keep the order in which they were due.
      UPDATE @.item SET state = 0, ready_us = p_now + v_seen WHERE id = v_item.id;
      CONTINUE;
    END IF;
    IF v_item.lane IS NOT NULL THEN
      PERFORM 1 FROM @.lane WHERE queue = p_no AND lane = v_item.lane FOR UPDATE SKIP LOCKED;
      IF NOT FOUND THEN
        o_is_complete := false;
        CONTINUE;
      END IF;
    END IF;
    v_tries := v_item.attempt - v_item.tries_from;
    IF v_tries >= v_max_tries THEN
      IF v_has_shelf IS NULL THEN
        PERFORM 1 FROM @.shelf WHERE queue = p_no FOR UPDATE SKIP LOCKED;
        v_has_shelf := FOUND;
      END IF;
      IF NOT v_has_shelf THEN
        o_is_complete := false;
      ELSIF @.bury_v1(p_no, v_item.id, p_settings->>'ranOutReason', p_settings, p_now) THEN
        o_died_ids := o_died_ids || v_item.id;
        o_died_attempts := o_died_attempts || v_item.attempt;
        v_left := v_left + 1;
        v_left_bytes := v_left_bytes + v_item.bytes;
      ELSE
        PERFORM @.come_back_v1(p_no, v_item.id, v_item.lane, (p_settings->>'keptUs')::bigint, false, v_concurrency, p_now);
      END IF;
      CONTINUE;
    END IF;
    v_delay_us := (p_settings->'crashUs'->>least(v_tries, jsonb_array_length(p_settings->'crashUs') - 1))::bigint;
    -- At its old place, before all that became ready later.
    PERFORM @.come_back_v1(p_no, v_item.id, v_item.lane, v_delay_us, v_delay_us = 0, v_concurrency, p_now);
    IF v_delay_us = 0 THEN o_oldest_us := least(o_oldest_us, v_item.ready_us); END IF;
  END LOOP;
  IF v_seen = 250 THEN o_is_complete := false; END IF;
  IF v_left > 0 THEN PERFORM @.give_room_v1(p_no, v_left, v_left_bytes); END IF;
END $body$;

CREATE OR REPLACE FUNCTION @.expire_dead_v1(p_no integer, p_settings jsonb, p_now bigint) RETURNS void
LANGUAGE plpgsql AS $body$
DECLARE
  v_before_us bigint := p_now - (p_settings->>'retentionUs')::bigint;
  v_id bigint;
BEGIN
  PERFORM 1 FROM @.dead WHERE queue = p_no AND died_us <= v_before_us LIMIT 1;
  IF NOT FOUND THEN RETURN; END IF;
  PERFORM 1 FROM @.shelf WHERE queue = p_no FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN RETURN; END IF;
  FOR v_id IN SELECT id FROM @.dead WHERE queue = p_no AND died_us <= v_before_us ORDER BY died_us, id LIMIT 64 LOOP
    PERFORM @.remove_dead_v1(p_no, v_id, (p_settings->>'concurrency')::integer, p_now);
    UPDATE @.shelf SET expired = expired + 1 WHERE queue = p_no;
  END LOOP;
END $body$;
`;
