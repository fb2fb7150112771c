-- title: Key figures
SELECT
  min(date) AS first_day,
  max(date) AS last_day,
  count(*) AS sessions,
  coalesce(sum(revenue), 0) AS revenue,
  coalesce(sum(transactions), 0) AS orders,
  count(*) FILTER (WHERE transactions > 0) AS converting_sessions,
  coalesce(sum(bounces), 0) AS bounces,
  count(DISTINCT full_visitor_id) AS visitors
FROM silver.sessions
WHERE {where}
