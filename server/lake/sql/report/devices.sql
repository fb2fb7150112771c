-- title: Devices, by sessions
SELECT
  device_category,
  sum(sessions) AS sessions,
  sum(transactions) AS transactions,
  sum(revenue) AS revenue,
  round(CAST(sum(converting_sessions) AS DOUBLE) / nullif(sum(sessions), 0), 6) AS conversion_rate
FROM gold.device_day
WHERE customer = '{customer}' AND date <= DATE '{date}'
GROUP BY device_category
ORDER BY sessions DESC, device_category
