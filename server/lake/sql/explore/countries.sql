-- title: Sessions by country
SELECT
  coalesce(country, '(not set)') AS country,
  count(*) AS sessions,
  coalesce(sum(revenue), 0) AS revenue,
  count(*) FILTER (WHERE transactions > 0) AS converting_sessions
FROM silver.sessions
WHERE {where}
GROUP BY 1
ORDER BY sessions DESC, 1
