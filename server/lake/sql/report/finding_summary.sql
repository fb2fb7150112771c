-- title: Share of checkouts completed on phones in the United Kingdom and everywhere, before 14 July 2017 and since
-- column: since_change: False: before 14 July 2017; true: from this day on
SELECT
  date >= DATE '2017-07-14' AS since_change,
  count(DISTINCT date) AS days,
  coalesce(sum(checkout_started) FILTER (WHERE country_code = 'GB' AND device_category = 'mobile'), 0) AS uk_mobile_started,
  coalesce(sum(checkout_completed) FILTER (WHERE country_code = 'GB' AND device_category = 'mobile'), 0) AS uk_mobile_completed,
  round(CAST(sum(checkout_completed) FILTER (WHERE country_code = 'GB' AND device_category = 'mobile') AS DOUBLE)
    / nullif(sum(checkout_started) FILTER (WHERE country_code = 'GB' AND device_category = 'mobile'), 0), 6) AS uk_mobile_rate,
  sum(checkout_started) AS total_started,
  sum(checkout_completed) AS total_completed,
  round(CAST(sum(checkout_completed) AS DOUBLE) / nullif(sum(checkout_started), 0), 6) AS total_rate
FROM gold.checkout_funnel
WHERE customer = '{customer}' AND date <= DATE '{date}'
GROUP BY date >= DATE '2017-07-14'
ORDER BY since_change
