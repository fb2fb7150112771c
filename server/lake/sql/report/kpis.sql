-- title: Key figures of the 7 days until {date}, and of the 7 days before
-- column: previous_sessions: The same figure of the 7 days before; likewise the other previous_ columns
SELECT
  count(*) FILTER (WHERE recent) AS days,
  count(*) FILTER (WHERE NOT recent) AS previous_days,
  coalesce(sum(sessions) FILTER (WHERE recent), 0) AS sessions,
  coalesce(sum(sessions) FILTER (WHERE NOT recent), 0) AS previous_sessions,
  coalesce(sum(pageviews) FILTER (WHERE recent), 0) AS pageviews,
  coalesce(sum(pageviews) FILTER (WHERE NOT recent), 0) AS previous_pageviews,
  coalesce(sum(transactions) FILTER (WHERE recent), 0) AS transactions,
  coalesce(sum(transactions) FILTER (WHERE NOT recent), 0) AS previous_transactions,
  coalesce(sum(revenue) FILTER (WHERE recent), 0) AS revenue,
  coalesce(sum(revenue) FILTER (WHERE NOT recent), 0) AS previous_revenue,
  round(CAST(sum(converting_sessions) FILTER (WHERE recent) AS DOUBLE) / nullif(sum(sessions) FILTER (WHERE recent), 0), 6) AS conversion_rate,
  round(CAST(sum(converting_sessions) FILTER (WHERE NOT recent) AS DOUBLE) / nullif(sum(sessions) FILTER (WHERE NOT recent), 0), 6) AS previous_conversion_rate,
  round(CAST(sum(bounces) FILTER (WHERE recent) AS DOUBLE) / nullif(sum(sessions) FILTER (WHERE recent), 0), 6) AS bounce_rate,
  round(CAST(sum(bounces) FILTER (WHERE NOT recent) AS DOUBLE) / nullif(sum(sessions) FILTER (WHERE NOT recent), 0), 6) AS previous_bounce_rate
FROM (
  SELECT *, date > DATE '{date}' - INTERVAL '7' DAY AS recent
  FROM gold.daily_kpis
  WHERE customer = '{customer}' AND date <= DATE '{date}' AND date > DATE '{date}' - INTERVAL '14' DAY
)
