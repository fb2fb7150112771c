-- title: Sessions, orders and revenue of each country and day, split by device
-- from: country_day
-- column: country: Country as Google names it; '(not set)' if unknown
-- column: country_code: ISO 3166-1 alpha-2; NULL if unknown
-- column: continent: Continent; '(not set)' if unknown
-- column: desktop_sessions: Sessions on desktop computers
-- column: mobile_sessions: Sessions on phones
-- column: tablet_sessions: Sessions on tablets
-- column: converting_sessions: Sessions with at least one order
-- column: conversion_rate: converting_sessions / sessions
-- column: revenue: Order value with tax and shipping
-- rule: Sessions aggregated
-- count: coalesce(sum(sessions), 0)
SELECT
  date,
  customer,
  coalesce(country, '(not set)') AS country,
  max(country_code) AS country_code,
  coalesce(max(continent), '(not set)') AS continent,
  count(*) AS sessions,
  count(*) FILTER (WHERE device_category = 'desktop') AS desktop_sessions,
  count(*) FILTER (WHERE device_category = 'mobile') AS mobile_sessions,
  count(*) FILTER (WHERE device_category = 'tablet') AS tablet_sessions,
  sum(pageviews) AS pageviews,
  sum(bounces) AS bounces,
  sum(transactions) AS transactions,
  count(*) FILTER (WHERE transactions > 0) AS converting_sessions,
  round(CAST(count(*) FILTER (WHERE transactions > 0) AS DOUBLE) / count(*), 6) AS conversion_rate,
  CAST(coalesce(sum(revenue), 0) AS DECIMAL(29,6)) AS revenue
FROM sessions
GROUP BY date, customer, coalesce(country, '(not set)')
ORDER BY date, customer, country
