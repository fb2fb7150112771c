-- title: Sessions by city, where it is known
SELECT
  country,
  region,
  city,
  count(*) AS sessions,
  coalesce(sum(revenue), 0) AS revenue,
  count(*) FILTER (WHERE transactions > 0) AS converting_sessions
FROM silver.sessions
WHERE city IS NOT NULL AND {where}
GROUP BY country, region, city
ORDER BY sessions DESC, country, region, city
