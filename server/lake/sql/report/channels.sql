-- title: Channels, by sessions
SELECT
  channel,
  sum(sessions) AS sessions,
  sum(transactions) AS transactions,
  sum(revenue) AS revenue,
  round(CAST(sum(converting_sessions) AS DOUBLE) / nullif(sum(sessions), 0), 6) AS conversion_rate
FROM gold.channel_day
WHERE customer = '{customer}' AND date <= DATE '{date}'
GROUP BY channel
ORDER BY sessions DESC, channel
