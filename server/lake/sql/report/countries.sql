-- title: The ten countries with most sessions
SELECT
  country,
  max(country_code) AS country_code,
  sum(sessions) AS sessions,
  sum(mobile_sessions) AS mobile_sessions,
  sum(transactions) AS transactions,
  sum(revenue) AS revenue
FROM gold.country_day
WHERE customer = '{customer}' AND date <= DATE '{date}'
GROUP BY country
ORDER BY sessions DESC, country
LIMIT 10
