-- title: Sessions, orders and revenue of each channel and day
-- from: channel_day
-- column: channel: Default channel group; '(not set)' if unknown
-- column: visitors: Visitors, each counted once for a day and channel
-- column: new_visitors: Sessions that are their visitor's first
-- column: bounce_rate: bounces / sessions
-- column: transactions: Orders
-- column: converting_sessions: Sessions with at least one order
-- column: conversion_rate: converting_sessions / sessions
-- column: revenue: Order value with tax and shipping
-- rule: Sessions aggregated
-- count: coalesce(sum(sessions), 0)
SELECT
  date,
  customer,
  coalesce(channel, '(not set)') AS channel,
  count(*) AS sessions,
  count(DISTINCT full_visitor_id) AS visitors,
  count(*) FILTER (WHERE new_visit) AS new_visitors,
  sum(pageviews) AS pageviews,
  sum(bounces) AS bounces,
  round(CAST(sum(bounces) AS DOUBLE) / count(*), 6) AS bounce_rate,
  sum(transactions) AS transactions,
  count(*) FILTER (WHERE transactions > 0) AS converting_sessions,
  round(CAST(count(*) FILTER (WHERE transactions > 0) AS DOUBLE) / count(*), 6) AS conversion_rate,
  CAST(coalesce(sum(revenue), 0) AS DECIMAL(29,6)) AS revenue
FROM sessions
GROUP BY date, customer, coalesce(channel, '(not set)')
ORDER BY date, customer, channel
