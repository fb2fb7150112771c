-- title: Key figures of each day
-- from: daily_kpis
-- column: date: Day
-- column: customer: Customer
-- column: sessions: Sessions
-- column: visitors: Visitors, each counted once a day
-- column: new_visitors: Sessions that are their visitor's first
-- column: hits: Hits
-- column: pageviews: Pages seen
-- column: bounces: Sessions that ended after one page
-- column: bounce_rate: bounces / sessions
-- column: time_on_site: Seconds on the site, all sessions together
-- column: avg_time_on_site: time_on_site / sessions, seconds
-- column: transactions: Orders
-- column: converting_sessions: Sessions with at least one order
-- column: conversion_rate: converting_sessions / sessions
-- column: revenue: Order value with tax and shipping
-- column: checkouts_started: Sessions that reached the checkout
-- column: checkouts_completed: Sessions that completed an order
-- rule: Sessions aggregated
-- count: coalesce(sum(sessions), 0)
SELECT
  date,
  customer,
  count(*) AS sessions,
  count(DISTINCT full_visitor_id) AS visitors,
  count(*) FILTER (WHERE new_visit) AS new_visitors,
  sum(hits) AS hits,
  sum(pageviews) AS pageviews,
  sum(bounces) AS bounces,
  round(CAST(sum(bounces) AS DOUBLE) / count(*), 6) AS bounce_rate,
  sum(time_on_site) AS time_on_site,
  round(CAST(sum(time_on_site) AS DOUBLE) / count(*), 3) AS avg_time_on_site,
  sum(transactions) AS transactions,
  count(*) FILTER (WHERE transactions > 0) AS converting_sessions,
  round(CAST(count(*) FILTER (WHERE transactions > 0) AS DOUBLE) / count(*), 6) AS conversion_rate,
  CAST(coalesce(sum(revenue), 0) AS DECIMAL(29,6)) AS revenue,
  count(*) FILTER (WHERE checkout_started) AS checkouts_started,
  count(*) FILTER (WHERE checkout_completed) AS checkouts_completed
FROM sessions
GROUP BY date, customer
ORDER BY date, customer
