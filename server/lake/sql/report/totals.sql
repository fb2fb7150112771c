-- title: Totals of the whole history until {date}
SELECT
  min(date) AS first_day,
  max(date) AS last_day,
  count(*) AS days,
  coalesce(sum(sessions), 0) AS sessions,
  coalesce(sum(pageviews), 0) AS pageviews,
  coalesce(sum(transactions), 0) AS transactions,
  coalesce(sum(revenue), 0) AS revenue,
  round(CAST(sum(converting_sessions) AS DOUBLE) / nullif(sum(sessions), 0), 6) AS conversion_rate,
  round(CAST(sum(bounces) AS DOUBLE) / nullif(sum(sessions), 0), 6) AS bounce_rate
FROM gold.daily_kpis
WHERE customer = '{customer}' AND date <= DATE '{date}'
