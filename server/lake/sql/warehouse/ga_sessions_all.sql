-- Sessions that were loaded in batch and sessions that were streamed. A session of both counts as loaded; of a session that was streamed
-- more than once (as another replay does) the first one counts. {columns} are those of warehouse.ga_sessions.
SELECT {columns}, 'batch' AS origin
FROM warehouse.ga_sessions s
UNION ALL
SELECT {columns}, 'stream' AS origin
FROM (
  SELECT
    *,
    row_number() OVER (
      PARTITION BY date, customer, full_visitor_id, visit_id
      ORDER BY publish_time, run_id, seq
    ) AS delivery
  FROM warehouse.ga_sessions_stream
) s
WHERE s.delivery = 1
  AND NOT EXISTS (
    SELECT 1
    FROM warehouse.ga_sessions b
    WHERE b.date = s.date
      AND b.customer = s.customer
      AND b.full_visitor_id = s.full_visitor_id
      AND b.visit_id = s.visit_id
  )
