-- title: Sessions by {name}
SELECT
  coalesce({column}, '(not set)') AS {column},
  count(*) AS sessions,
  coalesce(sum(revenue), 0) AS revenue,
  count(*) FILTER (WHERE transactions > 0) AS converting_sessions
FROM silver.sessions
WHERE {where}
GROUP BY 1
ORDER BY sessions DESC, 1
