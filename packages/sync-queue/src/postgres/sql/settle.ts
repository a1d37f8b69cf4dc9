import { PLANNED } from './base.ts';

/**
 * A settlement counts for the attempt that holds the lease alone: the attempt is the fencing token.
 *
 * `+ 0`: only the primary key is to serve. The index of leases would be walked from end to end for each id, and while the
 * table was small it seems as cheap.
 */
export const SETTLE = `
-- a(ck), r(etry), b(ack: release), d(ead). Gives the places, from 1, of those that were settled and those that were kept.
CREATE OR REPLACE FUNCTION @.settle_v1(
  p_queue text, p_settings jsonb, p_channel text, p_news text, p_ids bigint[], p_attempts integer[], p_letters text[],
  p_delays_us bigint[], p_reasons text[],
  OUT o_settled integer[], OUT o_kept integer[], OUT o_now bigint, OUT o_oldest_us bigint, OUT o_is_news boolean
) LANGUAGE plpgsql ${PLANNED} AS $body$
DECLARE
  v_no integer;
  v_concurrency integer := (p_settings->>'concurrency')::integer;
  v_left bigint; v_left_bytes bigint;
  v_lanes text[]; v_leaving integer[];
  v_each record; v_item record;
BEGIN
  o_now := @.now_us_v1();
  o_is_news := false;
  SELECT no INTO v_no FROM @.queue WHERE name = p_queue;
  WITH gone AS (
    DELETE FROM @.item i USING unnest(p_ids, p_attempts, p_letters) WITH ORDINALITY s (id, attempt, letter, at)
    WHERE s.letter = 'a' AND i.id = s.id AND i.queue + 0 = v_no AND i.state + 0 = 3 AND i.attempt = s.attempt
    RETURNING s.at, i.bytes, i.lane
  )
  SELECT array_agg(at), count(*), coalesce(sum(bytes), 0), array_agg(lane) FILTER (WHERE lane IS NOT NULL)
  INTO o_settled, v_left, v_left_bytes, v_lanes FROM gone;
  -- Before lanes, as everybody does.
  IF 'd' = ANY (p_letters) THEN PERFORM 1 FROM @.shelf WHERE queue = v_no FOR UPDATE; END IF;
  IF v_lanes IS NOT NULL THEN
    SELECT array_agg(lane), array_agg(leaving) INTO v_lanes, v_leaving
    FROM (SELECT lane, count(*)::integer AS leaving FROM unnest(v_lanes) l (lane) GROUP BY lane) g;
    o_is_news := @.advance_v1(v_no, v_lanes, v_leaving, v_concurrency, o_now) > 0;
  END IF;

  IF cardinality(array_remove(p_letters, 'a')) > 0 THEN
    FOR v_each IN
      SELECT * FROM unnest(p_ids, p_attempts, p_letters, p_delays_us, p_reasons)
        WITH ORDINALITY s (id, attempt, letter, delay_us, reason, at) WHERE letter <> 'a' ORDER BY at
    LOOP
      SELECT id, lane, bytes, ready_us INTO v_item FROM @.item
      WHERE id = v_each.id AND queue + 0 = v_no AND state + 0 = 3 AND attempt = v_each.attempt FOR UPDATE;
      CONTINUE WHEN NOT FOUND;
      o_is_news := true;
      IF v_each.letter = 'd' THEN
        IF @.bury_v1(v_no, v_item.id, v_each.reason, p_settings, o_now) THEN
          v_left := v_left + 1;
          v_left_bytes := v_left_bytes + v_item.bytes;
        ELSE
          PERFORM @.come_back_v1(v_no, v_item.id, v_item.lane, (p_settings->>'keptUs')::bigint, false, v_concurrency, o_now);
          o_kept := o_kept || v_each.at::integer;
          CONTINUE;
        END IF;
      ELSE
        PERFORM @.come_back_v1(v_no, v_item.id, v_item.lane, v_each.delay_us, v_each.letter = 'b', v_concurrency, o_now);
        IF v_each.letter = 'b' THEN o_oldest_us := least(o_oldest_us, v_item.ready_us); END IF;
      END IF;
      o_settled := o_settled || v_each.at::integer;
    END LOOP;
  END IF;
  -- Last, so that the slot is held for as short as can be.
  IF v_left > 0 THEN PERFORM @.give_room_v1(v_no, v_left, v_left_bytes); END IF;
  IF o_is_news AND p_news IS NOT NULL THEN PERFORM pg_notify(p_channel, p_news || coalesce(o_oldest_us, o_now)); END IF;
END $body$;

-- Gives the places, from 1, of the leases that were still held.
CREATE OR REPLACE FUNCTION @.extend_v1(p_queue text, p_ids bigint[], p_attempts integer[], p_lease_us bigint)
RETURNS integer[] LANGUAGE plpgsql ${PLANNED} AS $body$
DECLARE
  v_held integer[];
BEGIN
  WITH held AS (
    UPDATE @.item i SET until_us = @.now_us_v1() + p_lease_us
    FROM unnest(p_ids, p_attempts) WITH ORDINALITY l (id, attempt, at)
    WHERE i.id = l.id AND i.attempt = l.attempt AND i.state + 0 = 3
      AND i.queue + 0 = (SELECT no FROM @.queue WHERE name = p_queue)
    RETURNING l.at
  )
  SELECT array_agg(at) INTO v_held FROM held;
  RETURN v_held;
END $body$;
`;
