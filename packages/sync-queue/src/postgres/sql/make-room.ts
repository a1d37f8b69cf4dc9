/** What producers do, behind the gate, to make room: for items by less urgent ones, for keys by the oldest ones. */
export const MAKE_ROOM = `
-- Nothing is evicted unless it makes room enough; o_count is 0 then.
CREATE OR REPLACE FUNCTION @.evict_v1(
  p_no integer, p_priority smallint, p_count double precision, p_bytes double precision, p_settings jsonb, p_now bigint,
  OUT o_count integer, OUT o_bytes bigint
) LANGUAGE plpgsql AS $body$
DECLARE
  v_is_dead boolean := p_settings->>'evictTo' = 'dead';
  v_is_dropping boolean := p_settings->>'whenFull' = 'drop-oldest';
  v_concurrency integer := (p_settings->>'concurrency')::integer;
  v_chosen bigint[]; v_victim record;
BEGIN
  -- A consumer may take a victim away in between; so often others are looked for.
  FOR attempt IN 1..3 LOOP
    v_chosen := '{}';
    o_count := 0;
    o_bytes := 0;
    -- Looked for without locks, since what is locked and then not evicted would have been hidden from consumers.
    <<looking>>
    FOR v_lowest IN REVERSE 7..p_priority + 1 LOOP
      FOR v_victim IN EXECUTE format(
        'SELECT id, bytes FROM @.item WHERE queue = $1 AND state = 0 AND priority = $2 ORDER BY ready_us %1$s, id %1$s',
        CASE WHEN p_settings->>'victims' = 'newest' THEN 'DESC' ELSE 'ASC' END) USING p_no, v_lowest
      LOOP
        EXIT looking WHEN o_count >= p_count AND o_bytes >= p_bytes;
        v_chosen := v_chosen || v_victim.id;
        o_count := o_count + 1;
        o_bytes := o_bytes + v_victim.bytes;
      END LOOP;
    END LOOP;
    EXIT WHEN o_count < p_count OR o_bytes < p_bytes;
    IF v_is_dead THEN
      PERFORM 1 FROM @.shelf WHERE queue = p_no
        AND CASE WHEN v_is_dropping THEN 0 ELSE count END + o_count
          <= coalesce((p_settings->>'deadMaxCount')::double precision, 'Infinity')
        AND CASE WHEN v_is_dropping THEN 0 ELSE bytes END + o_bytes
          <= coalesce((p_settings->>'deadMaxBytes')::double precision, 'Infinity');
      EXIT WHEN NOT FOUND;
    END IF;
    -- A lane that somebody holds may be about to be stopped; waiting for it here would be against the order of locks.
    PERFORM 1 FROM @.item i WHERE i.id = ANY (v_chosen) AND i.state + 0 = 0 AND (i.lane IS NULL OR EXISTS (
      SELECT FROM @.lane l WHERE l.queue = p_no AND l.lane = i.lane FOR UPDATE SKIP LOCKED)) FOR UPDATE SKIP LOCKED;
    GET DIAGNOSTICS o_count = ROW_COUNT;
    IF o_count = cardinality(v_chosen) THEN
      FOR v_victim IN SELECT i.id, i.lane FROM unnest(v_chosen) WITH ORDINALITY c (id, at) JOIN @.item i USING (id)
        ORDER BY c.at
      LOOP
        IF v_is_dead THEN
          PERFORM @.bury_v1(p_no, v_victim.id, p_settings->>'evictedReason', p_settings, p_now);
        ELSE
          DELETE FROM @.item WHERE id = v_victim.id;
          IF v_victim.lane IS NOT NULL THEN
            PERFORM @.advance_v1(p_no, ARRAY[v_victim.lane], ARRAY[1], v_concurrency, p_now);
          END IF;
        END IF;
      END LOOP;
      RETURN;
    END IF;
  END LOOP;
  o_count := 0;
  o_bytes := 0;
END $body$;

-- Forgets idempotency keys whose window is over, and the oldest beyond the bound. Never looks at what went before: it
-- would step over every key that was ever forgotten while a long snapshot keeps them from being vacuumed.
CREATE OR REPLACE FUNCTION @.forget_v1(
  p_no integer, p_count bigint, p_from_us bigint, p_max_keys double precision, p_items integer, p_now bigint,
  OUT o_count bigint, OUT o_from_us bigint
) LANGUAGE plpgsql AS $body$
DECLARE
  v_gone bigint; v_last bigint;
BEGIN
  o_count := p_count;
  o_from_us := p_from_us;
  WITH old AS MATERIALIZED (
    SELECT key FROM @.known WHERE queue = p_no AND until_us >= p_from_us AND until_us <= p_now
    ORDER BY until_us LIMIT 64 + 2 * p_items
  ), gone AS (
    DELETE FROM @.known k USING old WHERE k.queue = p_no AND k.key = old.key RETURNING k.until_us
  )
  SELECT count(*), max(until_us) INTO v_gone, v_last FROM gone;
  o_count := o_count - v_gone;
  o_from_us := greatest(o_from_us, v_last);
  IF o_count > p_max_keys THEN
    WITH old AS MATERIALIZED (
      SELECT key FROM @.known WHERE queue = p_no AND until_us >= o_from_us
      ORDER BY until_us LIMIT (o_count - p_max_keys)::bigint
    ), gone AS (
      DELETE FROM @.known k USING old WHERE k.queue = p_no AND k.key = old.key RETURNING k.until_us
    )
    SELECT count(*) INTO v_gone FROM gone;
    o_count := o_count - v_gone;
  END IF;
END $body$;
`;
