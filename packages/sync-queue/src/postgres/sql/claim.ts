import { PLANNED } from './base.ts';

/**
 * Leases up to so many ready items of one priority, the first of them first. Behind the hint, so that it does not step
 * over every item that was ever claimed while a long snapshot keeps them from being vacuumed; SKIP LOCKED, so that claims
 * at the same time take different items without waiting; MATERIALIZED, or the join could run it more than once. Joined by
 * where the row is, which cannot change while it is locked: a second search in the index would cost half as much again.
 */
const leaseOf = (priority: string, limit: string): string => `
  RETURN QUERY
  WITH next AS MATERIALIZED (
    SELECT i.ctid AS place FROM @.item i
    WHERE i.queue = v_no AND i.state = 0 AND i.priority = ${priority} AND i.ready_us >= v_hints[${priority} + 1]
    ORDER BY i.ready_us, i.id LIMIT ${limit} FOR UPDATE SKIP LOCKED
  )
  UPDATE @.item i SET state = 3, until_us = v_now + p_lease_us, attempt = i.attempt + 1, coalesce_key = NULL
  FROM next n WHERE i.ctid = n.place
  RETURNING 'item', i.id, i.attempt, i.attempt - i.tries_from, i.priority, coalesce(i.key, substr(i.lane, 2)),
    i.enqueued_us, i.sample_rate, i.ready_us, i.payload;
  GET DIAGNOSTICS v_got = ROW_COUNT;
  v_left := v_left - v_got;`;

/** A claim commits nothing when it finds nothing, so idle consumers cost no write. */
export const CLAIM = `
-- The last row says when the call was (o_id) and when something is due (o_ready_us), whether all that was due was seen to
-- (o_attempt), whether nothing ready was left behind (o_tries), and since when the oldest is ready of what was taken back
-- (o_enqueued_us).
CREATE OR REPLACE FUNCTION @.claim_v1(
  p_queue text, p_settings jsonb, p_max integer, p_lease_us bigint, p_hints bigint[], p_due_from_us bigint
) RETURNS TABLE (
  o_kind text, o_id bigint, o_attempt integer, o_tries integer, o_priority smallint, o_key text, o_enqueued_us bigint,
  o_sample_rate double precision, o_ready_us bigint, o_payload bytea
) LANGUAGE plpgsql ${PLANNED} AS $body$
DECLARE
  v_no integer; v_is_paused boolean; v_paused smallint[];
  v_now bigint := @.now_us_v1();
  v_aging_us bigint := (p_settings->>'agingUs')::bigint;
  v_hints bigint[] := p_hints;
  v_due record; v_is_complete boolean := true; v_oldest_us bigint;
  v_limit integer := p_max; v_left integer; v_got integer;
  v_rate_us double precision; v_full_us double precision; v_next_us bigint; v_permit_us double precision;
  v_classes smallint[]; v_class smallint; v_quota integer; v_planned integer := 0;
BEGIN
  SELECT no, is_paused, paused_priorities INTO v_no, v_is_paused, v_paused FROM @.queue WHERE name = p_queue;
  IF NOT FOUND THEN
    o_kind := 'end'; o_id := v_now; o_attempt := 1; o_tries := 1;
    RETURN NEXT;
    RETURN;
  END IF;
  IF p_settings->>'retentionUs' IS NOT NULL THEN PERFORM @.expire_dead_v1(v_no, p_settings, v_now); END IF;

  PERFORM 1 FROM @.item i WHERE i.queue = v_no AND i.state IN (1, 3) AND i.until_us > p_due_from_us
    AND i.until_us <= v_now LIMIT 1;
  IF FOUND THEN
    SELECT * INTO v_due FROM @.take_due_v1(v_no, p_settings, p_due_from_us, v_now);
    v_is_complete := v_due.o_is_complete;
    v_oldest_us := v_due.o_oldest_us;
    RETURN QUERY SELECT 'died', d.id, d.attempt, 0, 0::smallint, NULL::text, 0::bigint, 0::double precision, 0::bigint,
      NULL::bytea FROM unnest(v_due.o_died_ids, v_due.o_died_attempts) d (id, attempt);
    IF v_oldest_us IS NOT NULL THEN
      v_hints := ARRAY(SELECT least(h, v_oldest_us) FROM unnest(v_hints) WITH ORDINALITY u (h, at) ORDER BY at);
    END IF;
  END IF;

  IF p_settings->>'rateCount' IS NOT NULL THEN
    -- Permits are counted in microseconds that it takes for one to grow: the generic cell rate algorithm.
    v_rate_us := (p_settings->>'ratePerUs')::double precision / (p_settings->>'rateCount')::double precision;
    INSERT INTO @.rate (queue, full_us) VALUES (v_no, 0) ON CONFLICT DO NOTHING;
    SELECT full_us INTO v_full_us FROM @.rate WHERE queue = v_no FOR UPDATE;
    v_limit := least(v_limit, floor((p_settings->>'rateCount')::double precision
      - greatest(0, v_full_us - v_now) / v_rate_us + 1e-9))::integer;
  END IF;
  IF v_is_paused THEN v_limit := 0; END IF;
  v_left := greatest(0, v_limit);

  -- Which priorities have anything, by their first items: the one whose turn is first comes first.
  IF v_left > 0 THEN
    SELECT array_agg(c.priority ORDER BY h.ready_us + c.priority * v_aging_us, c.priority) INTO v_classes
    FROM unnest('{0,1,2,3,4,5,6,7}'::smallint[]) c (priority) CROSS JOIN LATERAL (
      SELECT i.ready_us FROM @.item i
      WHERE i.queue = v_no AND i.state = 0 AND i.priority = c.priority AND i.ready_us >= v_hints[c.priority + 1]
      ORDER BY i.ready_us, i.id LIMIT 1
    ) h
    WHERE c.priority <> ALL (v_paused);
  END IF;

  IF v_left > 1 AND v_aging_us IS NOT NULL AND cardinality(v_classes) > 1 THEN
    -- How many of each are among the next ones: earliest deadline first. Looked at without locks, since what is locked and
    -- not leased would be hidden from others.
    FOR v_class, v_quota IN
      SELECT m.priority, count(*)::integer FROM (
        SELECT c.priority FROM unnest(v_classes) c (priority) CROSS JOIN LATERAL (
          SELECT i.ready_us, i.id FROM @.item i
          WHERE i.queue = v_no AND i.state = 0 AND i.priority = c.priority AND i.ready_us >= v_hints[c.priority + 1]
          ORDER BY i.ready_us, i.id LIMIT v_limit
        ) h
        ORDER BY h.ready_us + c.priority * v_aging_us, c.priority, h.id LIMIT v_limit
      ) m GROUP BY m.priority
    LOOP
      v_planned := v_planned + v_quota;${leaseOf('v_class', 'v_quota')}
    END LOOP;
    -- All that there was has been taken.
    IF v_planned < v_limit AND v_left = v_limit - v_planned THEN v_classes := '{}'; END IF;
  END IF;

  FOREACH v_class IN ARRAY coalesce(v_classes, '{}') LOOP
    EXIT WHEN v_left = 0;${leaseOf('v_class', 'v_left')}
  END LOOP;

  v_got := greatest(0, v_limit) - v_left;
  IF v_rate_us IS NOT NULL THEN
    v_full_us := greatest(v_full_us, v_now) + v_got * v_rate_us;
    IF v_got > 0 THEN UPDATE @.rate SET full_us = v_full_us WHERE queue = v_no; END IF;
    v_permit_us := v_full_us - ((p_settings->>'rateCount')::double precision - 1) * v_rate_us;
  END IF;
  IF v_got > 0 THEN
    -- Whoever got something asks again before it waits: not worth a search.
    v_next_us := v_now + p_lease_us;
  ELSE
    SELECT i.until_us INTO v_next_us FROM @.item i WHERE i.queue = v_no AND i.state IN (1, 3) AND i.until_us > v_now
    ORDER BY i.until_us, i.id LIMIT 1;
    IF NOT v_is_complete THEN v_next_us := least(v_next_us, v_now + 10000); END IF;
  END IF;
  IF v_permit_us > v_now THEN v_next_us := least(v_next_us, ceil(v_permit_us)::bigint); END IF;
  o_kind := 'end';
  o_id := v_now;
  o_ready_us := v_next_us;
  o_attempt := v_is_complete::integer;
  o_tries := (v_left > 0 AND v_limit > 0)::integer;
  o_enqueued_us := v_oldest_us;
  RETURN NEXT;
END $body$;
`;
