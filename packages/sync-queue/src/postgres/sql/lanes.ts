/**
 * Of a key so many items are active (ready, delayed or leased) as its concurrency allows, and the others wait. Of a lane
 * that is stopped only leased items are active, so a claim need not look at lanes. Whoever decides by a lane holds its row.
 */
export const LANES = `
-- True: an item of the lane is active from now on. False: it waits. The row is held in any case.
CREATE OR REPLACE FUNCTION @.enter_lane_v1(p_no integer, p_lane text, p_key text, p_concurrency integer)
RETURNS boolean LANGUAGE plpgsql AS $body$
BEGIN
  INSERT INTO @.lane AS l (queue, lane, key, active) VALUES (p_no, p_lane, p_key, 1)
  ON CONFLICT (queue, lane) DO UPDATE SET active = l.active + 1 WHERE l.stop IS NULL AND l.active < p_concurrency;
  RETURN FOUND;
END $body$;

-- So many active items of each lane are done, and the next ones follow; gives how many do.
CREATE OR REPLACE FUNCTION @.advance_v1(
  p_no integer, p_lanes text[], p_leaving integer[], p_concurrency integer, p_now bigint
) RETURNS integer LANGUAGE plpgsql AS $body$
DECLARE
  v_promoted integer;
BEGIN
  -- In one order, so that no two calls wait for each other.
  PERFORM 1 FROM @.lane WHERE queue = p_no AND lane = ANY (p_lanes) ORDER BY lane FOR UPDATE;
  UPDATE @.lane l SET active = l.active - d.leaving FROM unnest(p_lanes, p_leaving) d (lane, leaving)
  WHERE l.queue = p_no AND l.lane = d.lane AND d.leaving <> 0;
  WITH next AS MATERIALIZED (
    SELECT w.id FROM @.lane l CROSS JOIN LATERAL (
      SELECT i.id FROM @.item i WHERE i.queue = p_no AND i.lane = l.lane AND i.state = 2
      ORDER BY i.id LIMIT p_concurrency - l.active
    ) w
    WHERE l.queue = p_no AND l.lane = ANY (p_lanes) AND l.stop IS NULL AND l.active < p_concurrency
  ), moved AS (
    UPDATE @.item i SET state = CASE WHEN i.until_us > p_now THEN 1 ELSE 0 END, ready_us = p_now
    FROM next n WHERE i.id = n.id RETURNING i.lane
  ), entering AS (
    SELECT lane, count(*)::integer AS count FROM moved GROUP BY lane
  ), entered AS (
    UPDATE @.lane l SET active = l.active + e.count FROM entering e WHERE l.queue = p_no AND l.lane = e.lane
    RETURNING e.count
  )
  SELECT coalesce(sum(count), 0) INTO v_promoted FROM entered;
  DELETE FROM @.lane WHERE queue = p_no AND lane = ANY (p_lanes) AND active <= 0 AND stop IS NULL;
  RETURN v_promoted;
END $body$;

-- From now on nothing of the lane is delivered: what is ready or delayed waits again.
CREATE OR REPLACE FUNCTION @.stop_lane_v1(p_no integer, p_lane text, p_key text, p_stop bigint) RETURNS void
LANGUAGE plpgsql AS $body$
DECLARE
  v_moved integer;
BEGIN
  INSERT INTO @.lane (queue, lane, key, stop) VALUES (p_no, p_lane, p_key, p_stop)
  ON CONFLICT (queue, lane) DO UPDATE SET stop = excluded.stop;
  UPDATE @.item SET state = 2 WHERE queue = p_no AND lane = p_lane AND state < 3 AND state <> 2;
  GET DIAGNOSTICS v_moved = ROW_COUNT;
  UPDATE @.lane SET active = active - v_moved WHERE queue = p_no AND lane = p_lane AND v_moved > 0;
END $body$;

CREATE OR REPLACE FUNCTION @.resume_lane_v1(p_no integer, p_lane text, p_concurrency integer, p_now bigint)
RETURNS integer LANGUAGE plpgsql AS $body$
BEGIN
  UPDATE @.lane SET stop = NULL WHERE queue = p_no AND lane = p_lane;
  RETURN @.advance_v1(p_no, ARRAY[p_lane], ARRAY[0], p_concurrency, p_now);
END $body$;

-- A leased item is ready again, at once or later, at its old place or at the end; of a stopped lane it waits.
CREATE OR REPLACE FUNCTION @.come_back_v1(
  p_no integer, p_id bigint, p_lane text, p_delay_us bigint, p_is_first boolean, p_concurrency integer, p_now bigint
) RETURNS void LANGUAGE plpgsql AS $body$
DECLARE
  v_stop bigint;
BEGIN
  IF p_lane IS NOT NULL THEN
    SELECT stop INTO v_stop FROM @.lane WHERE queue = p_no AND lane = p_lane FOR UPDATE;
  END IF;
  UPDATE @.item SET
    state = CASE WHEN v_stop IS NOT NULL THEN 2 WHEN p_delay_us > 0 THEN 1 ELSE 0 END,
    ready_us = CASE WHEN p_is_first THEN ready_us ELSE p_now END,
    until_us = CASE WHEN p_delay_us > 0 THEN p_now + p_delay_us ELSE 0 END
  WHERE id = p_id;
  IF v_stop IS NOT NULL THEN PERFORM @.advance_v1(p_no, ARRAY[p_lane], ARRAY[1], p_concurrency, p_now); END IF;
END $body$;
`;
