import { PLANNED } from './base.ts';

/**
 * Producers come through the gate one at a time, so what one sees of the queue is never less than it holds: whatever was
 * added is committed, and only what consumers are taking out just now is counted still. Locks are taken in the order gate,
 * shelf, lanes, items.
 */
export const ENQUEUE = `
-- One letter an item: a(ccepted), d(uplicate), c(oalesced), s(ampled out), x (full), y (full, in the place of a held
-- one), f(old), g(one: nothing to fold into).
CREATE OR REPLACE FUNCTION @.enqueue_v1(
  p_queue text, p_settings jsonb, p_channel text, p_news text, p_payloads bytea, p_at integer[], p_sizes integer[],
  p_priorities smallint[], p_delays_us bigint[], p_draws double precision[], p_lanes text[], p_keys text[],
  p_known text[], p_coalesce_keys text[], p_modes text[], p_revisions integer[],
  OUT o_letters text, OUT o_ids bigint[], OUT o_rates double precision[], OUT o_revisions integer[],
  OUT o_payloads bytea[], OUT o_count bigint, OUT o_bytes bigint, OUT o_evicted integer, OUT o_now bigint,
  OUT o_is_news boolean
) LANGUAGE plpgsql ${PLANNED} AS $body$
DECLARE
  v_items integer := cardinality(p_priorities);
  v_no integer := @.queue_no_v1(p_queue);
  v_gate @.gate%ROWTYPE;
  v_kind text := p_settings->>'overflow';
  v_max_count double precision := coalesce((p_settings->>'maxCount')::double precision, 'Infinity');
  v_max_bytes double precision := coalesce((p_settings->>'maxBytes')::double precision, 'Infinity');
  v_concurrency integer := (p_settings->>'concurrency')::integer;
  v_freed_count bigint; v_freed_bytes bigint;
  v_more bigint := (SELECT coalesce(sum(s), 0) FROM unnest(p_sizes) s);
  v_fill double precision; v_rate double precision;
  v_letter text; v_id bigint; v_is_active boolean;
  v_evicted_count integer; v_evicted_bytes bigint;
  v_known @.known%ROWTYPE; v_held record;
  v_old_known bigint[];
BEGIN
  SELECT * INTO v_gate FROM @.gate WHERE queue = v_no FOR UPDATE;
  IF v_kind = 'evict' THEN PERFORM 1 FROM @.shelf WHERE queue = v_no FOR UPDATE; END IF;
  IF p_lanes IS NOT NULL THEN
    PERFORM 1 FROM @.lane WHERE queue = v_no AND lane = ANY (p_lanes) ORDER BY lane FOR UPDATE;
  END IF;
  -- A statement behind the lock sees everything that was committed before it was granted.
  SELECT sum(count), sum(bytes) INTO v_freed_count, v_freed_bytes FROM @.slot WHERE queue = v_no;
  o_now := @.now_us_v1();
  o_count := v_gate.count + v_freed_count;
  o_bytes := v_gate.bytes + v_freed_bytes;
  o_evicted := 0;
  o_ids := ARRAY(SELECT nextval('@.item_id') FROM generate_series(1, v_items));
  v_fill := greatest((o_count + v_items) / v_max_count, (o_bytes + v_more) / v_max_bytes);

  IF p_lanes IS NULL AND p_known IS NULL AND p_coalesce_keys IS NULL AND o_count + v_items <= v_max_count
    AND o_bytes + v_more <= v_max_bytes
    AND (v_kind <> 'sample' OR v_fill <= (p_settings->>'above')::double precision) THEN
    -- Nothing depends on the item before it: all go in at once.
    INSERT INTO @.item (id, ready_us, until_us, enqueued_us, sample_rate, queue, bytes, state, priority, payload)
    SELECT t.id, o_now, CASE WHEN t.delay_us > 0 THEN o_now + t.delay_us ELSE 0 END, o_now, 1, v_no, t.size,
      CASE WHEN t.delay_us > 0 THEN 1 ELSE 0 END, t.priority, substr(p_payloads, t.at, t.size)
    FROM unnest(o_ids, p_delays_us, p_at, p_sizes, p_priorities) t (id, delay_us, at, size, priority);
    o_letters := repeat('a', v_items);
    o_count := o_count + v_items;
    o_bytes := o_bytes + v_more;
    o_is_news := v_items > 0;
  ELSE
    o_letters := '';
    o_is_news := false;
    o_rates := array_fill(1::double precision, ARRAY[v_items]);
    FOR i IN 1..v_items LOOP
      v_letter := NULL;
      v_id := o_ids[i];
      IF p_known[i] IS NOT NULL THEN
        SELECT * INTO v_known FROM @.known WHERE queue = v_no AND key = p_known[i];
        IF v_known.until_us > o_now THEN
          v_letter := 'd';
          v_id := v_known.id;
        END IF;
      END IF;

      IF v_letter IS NULL AND p_coalesce_keys[i] IS NOT NULL THEN
        -- Waits for a claim of the item, and does not find it then.
        SELECT id, revision, bytes, payload INTO v_held FROM @.item
        WHERE queue = v_no AND coalesce_key = p_coalesce_keys[i] FOR UPDATE;
        IF NOT FOUND THEN
          IF p_revisions[i] IS NOT NULL THEN v_letter := 'g'; END IF;
        ELSIF p_modes[i] = 'keep-first' THEN
          v_letter := 'c';
        ELSIF p_modes[i] = 'fold' AND p_revisions[i] IS DISTINCT FROM v_held.revision THEN
          v_letter := 'f';
          o_revisions[i] := v_held.revision;
          o_payloads[i] := v_held.payload;
        ELSIF o_bytes + p_sizes[i] - v_held.bytes > v_max_bytes THEN
          v_letter := 'y';
        ELSE
          v_letter := 'c';
          UPDATE @.item SET payload = substr(p_payloads, p_at[i], p_sizes[i]), bytes = p_sizes[i],
            revision = revision + 1 WHERE id = v_held.id;
          o_bytes := o_bytes + p_sizes[i] - v_held.bytes;
        END IF;
        IF v_letter = 'c' THEN v_id := v_held.id; END IF;
      END IF;

      IF v_letter IS NULL AND v_kind = 'sample' AND p_priorities[i] >= (p_settings->>'minPriority')::integer THEN
        v_fill := greatest(o_count / v_max_count, o_bytes / v_max_bytes);
        IF v_fill > (p_settings->>'above')::double precision THEN
          v_rate := greatest((p_settings->>'floor')::double precision,
            least(1, (1 - v_fill) / (1 - (p_settings->>'above')::double precision)));
          o_rates[i] := v_rate;
          IF v_rate < 1 AND p_draws[i] >= v_rate THEN v_letter := 's'; END IF;
        END IF;
      END IF;

      IF v_letter IS NULL AND (o_count >= v_max_count OR o_bytes + p_sizes[i] > v_max_bytes) THEN
        v_letter := 'x';
        IF v_kind = 'evict' THEN
          SELECT e.o_count, e.o_bytes INTO v_evicted_count, v_evicted_bytes FROM @.evict_v1(v_no, p_priorities[i],
            o_count + 1 - v_max_count, o_bytes + p_sizes[i] - v_max_bytes, p_settings, o_now) e;
          IF v_evicted_count > 0 THEN
            v_letter := NULL;
            o_evicted := o_evicted + v_evicted_count;
            o_count := o_count - v_evicted_count;
            o_bytes := o_bytes - v_evicted_bytes;
          END IF;
        END IF;
      END IF;

      IF v_letter IS NULL THEN
        v_letter := 'a';
        v_is_active := p_lanes[i] IS NULL OR @.enter_lane_v1(v_no, p_lanes[i], p_keys[i], v_concurrency);
        INSERT INTO @.item (id, ready_us, until_us, enqueued_us, sample_rate, queue, bytes, state, priority, lane, key,
          coalesce_key, payload)
        VALUES (v_id, o_now, CASE WHEN p_delays_us[i] > 0 THEN o_now + p_delays_us[i] ELSE 0 END, o_now, o_rates[i], v_no,
          p_sizes[i], CASE WHEN NOT v_is_active THEN 2 WHEN p_delays_us[i] > 0 THEN 1 ELSE 0 END, p_priorities[i],
          p_lanes[i], p_keys[i], p_coalesce_keys[i], substr(p_payloads, p_at[i], p_sizes[i]));
        o_count := o_count + 1;
        o_bytes := o_bytes + p_sizes[i];
        o_is_news := o_is_news OR v_is_active;
      END IF;

      IF p_known[i] IS NOT NULL AND v_letter IN ('a', 'c') THEN
        INSERT INTO @.known (queue, key, id, until_us)
        VALUES (v_no, p_known[i], v_id, o_now + (p_settings->>'windowUs')::bigint)
        ON CONFLICT (queue, key) DO UPDATE SET id = excluded.id, until_us = excluded.until_us;
        IF v_known.key IS NULL THEN v_gate.known := v_gate.known + 1; END IF;
      END IF;
      o_ids[i] := v_id;
      o_letters := o_letters || v_letter;
    END LOOP;
    -- Evicting lets the next one of a key follow.
    o_is_news := o_is_news OR o_evicted > 0;

    IF p_known IS NOT NULL THEN
      SELECT f.o_count, f.o_from_us INTO v_gate.known, v_gate.known_from_us FROM @.forget_v1(v_no, v_gate.known,
        v_gate.known_from_us, (p_settings->>'maxKeys')::double precision, v_items, o_now) f;
    END IF;
  END IF;

  UPDATE @.gate SET count = o_count - v_freed_count, bytes = o_bytes - v_freed_bytes, evicted = evicted + o_evicted,
    known = v_gate.known, known_from_us = v_gate.known_from_us
  WHERE queue = v_no AND v_items > 0;
  IF o_is_news AND p_news IS NOT NULL THEN PERFORM pg_notify(p_channel, p_news || o_now); END IF;
END $body$;
`;
