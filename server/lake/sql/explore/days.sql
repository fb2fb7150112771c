-- title: Sessions and revenue per day
SELECT
  date,
  count(*) AS sessions,
  coalesce(sum(revenue), 0) AS revenue,
  coalesce(sum(transactions), 0) AS orders
FROM silver.sessions
WHERE {where}
GROUP BY date
ORDER BY date
