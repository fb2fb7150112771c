-- title: Share of checkouts completed per day: phones in the United Kingdom, and all together
SELECT
  date,
  count(*) FILTER (WHERE checkout_started AND country_code = 'GB' AND device_category = 'mobile') AS uk_mobile_started,
  count(*) FILTER (WHERE checkout_completed AND country_code = 'GB' AND device_category = 'mobile') AS uk_mobile_completed,
  count(*) FILTER (WHERE checkout_started) AS total_started,
  count(*) FILTER (WHERE checkout_completed) AS total_completed
FROM silver.sessions
WHERE {where}
GROUP BY date
ORDER BY date
