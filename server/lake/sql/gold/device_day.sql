-- title: Sessions, orders and revenue of each device, browser and operating system
-- from: device_day
-- column: device_category: desktop, mobile or tablet; '(not set)' if unknown
-- column: browser: Browser; '(not set)' if unknown
-- column: operating_system: Operating system; '(not set)' if unknown
-- column: converting_sessions: Sessions with at least one order
-- column: conversion_rate: converting_sessions / sessions
-- column: revenue: Order value with tax and shipping
-- rule: Sessions aggregated
-- count: coalesce(sum(sessions), 0)
SELECT
  date,
  customer,
  coalesce(device_category, '(not set)') AS device_category,
  coalesce(browser, '(not set)') AS browser,
  coalesce(operating_system, '(not set)') AS operating_system,
  count(*) AS sessions,
  sum(pageviews) AS pageviews,
  sum(bounces) AS bounces,
  sum(transactions) AS transactions,
  count(*) FILTER (WHERE transactions > 0) AS converting_sessions,
  round(CAST(count(*) FILTER (WHERE transactions > 0) AS DOUBLE) / count(*), 6) AS conversion_rate,
  CAST(coalesce(sum(revenue), 0) AS DECIMAL(29,6)) AS revenue
FROM sessions
GROUP BY date, customer, coalesce(device_category, '(not set)'), coalesce(browser, '(not set)'), coalesce(operating_system, '(not set)')
ORDER BY date, customer, device_category, browser, operating_system
