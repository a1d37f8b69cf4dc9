import { PLANNED } from './base.ts';

export const CONTROL = `
-- Behind the gate, since it may make a lane, which only whoever is behind it does.
CREATE OR REPLACE FUNCTION @.set_paused_v1(
  p_queue text, p_settings jsonb, p_channel text, p_news text, p_kind text, p_priority smallint, p_lane text, p_key text,
  p_is_paused boolean, OUT o_now bigint
) LANGUAGE plpgsql ${PLANNED} AS $body$
DECLARE
  v_no integer := @.queue_no_v1(p_queue);
BEGIN
  PERFORM 1 FROM @.gate WHERE queue = v_no FOR UPDATE;
  o_now := @.now_us_v1();
  IF p_kind = 'queue' THEN
    UPDATE @.queue SET is_paused = p_is_paused WHERE no = v_no;
  ELSIF p_kind = 'priority' THEN
    UPDATE @.queue SET paused_priorities = array_remove(paused_priorities, p_priority)
      || CASE WHEN p_is_paused THEN ARRAY[p_priority] ELSE '{}' END
    WHERE no = v_no;
  ELSIF p_is_paused THEN
    PERFORM @.stop_lane_v1(v_no, p_lane, p_key, 0);
  ELSE
    PERFORM @.resume_lane_v1(v_no, p_lane, (p_settings->>'concurrency')::integer, o_now);
  END IF;
  IF p_news IS NOT NULL AND NOT p_is_paused THEN PERFORM pg_notify(p_channel, p_news || 0); END IF;
END $body$;

CREATE OR REPLACE FUNCTION @.record_settings_v1(p_queue text, p_settings jsonb) RETURNS void LANGUAGE plpgsql AS $body$
DECLARE
  v_no integer := @.queue_no_v1(p_queue);
BEGIN
  UPDATE @.queue SET settings = p_settings WHERE no = v_no AND settings IS DISTINCT FROM p_settings;
END $body$;
`;

/** One statement, so that the counts are of one moment. The first item of each priority is the oldest of it. */
export const STATS = `
SELECT q.is_paused, q.paused_priorities, g.evicted, h.count AS dead, h.bytes AS dead_bytes, h.overflowed, h.expired,
  g.count + s.count AS count, g.bytes + s.bytes AS bytes,
  ARRAY(
    SELECT (SELECT count(*) FROM @.item i WHERE i.queue = q.no AND i.state = 0 AND i.priority = p.priority)
    FROM unnest('{0,1,2,3,4,5,6,7}'::smallint[]) p (priority) ORDER BY p.priority
  ) AS ready_by_priority,
  (SELECT count(*) FROM @.item i WHERE i.queue = q.no AND i.state = 1) AS delayed,
  (SELECT count(*) FROM @.item i WHERE i.queue = q.no AND i.state = 2) AS waiting,
  (SELECT count(*) FROM @.item i WHERE i.queue = q.no AND i.state = 3) AS leased,
  @.now_us_v1() - (
    SELECT min(f.ready_us) FROM unnest('{0,1,2,3,4,5,6,7}'::smallint[]) p (priority) CROSS JOIN LATERAL (
      SELECT i.ready_us FROM @.item i WHERE i.queue = q.no AND i.state = 0 AND i.priority = p.priority
      ORDER BY i.ready_us, i.id LIMIT 1
    ) f
  ) AS oldest_us,
  ARRAY(SELECT coalesce(l.key, substr(l.lane, 2)) FROM @.lane l WHERE l.queue = q.no AND l.stop IS NOT NULL
    ORDER BY l.lane) AS stopped
FROM @.queue q
JOIN @.gate g ON g.queue = q.no
JOIN @.shelf h ON h.queue = q.no
CROSS JOIN LATERAL (SELECT sum(count) AS count, sum(bytes) AS bytes FROM @.slot WHERE queue = q.no) s
WHERE q.name = $1`;

export const LIST_DEAD = `
SELECT d.id, d.attempt, d.priority, coalesce(d.key, substr(d.lane, 2)) AS key, d.reason, d.enqueued_us, d.died_us, d.payload
FROM @.dead d WHERE d.queue = (SELECT no FROM @.queue WHERE name = $1) AND (d.died_us, d.id) > ($2::bigint, $3::bigint)
ORDER BY d.died_us, d.id LIMIT $4`;
