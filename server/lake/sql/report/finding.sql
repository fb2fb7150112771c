-- title: Share of checkouts completed per day: phones in the United Kingdom, and all together
-- column: uk_mobile_rate: Completed of started checkouts, phones in the United Kingdom; NULL if none started
-- column: total_rate: Completed of started checkouts, everywhere on all devices
SELECT
  date,
  coalesce(sum(checkout_started) FILTER (WHERE country_code = 'GB' AND device_category = 'mobile'), 0) AS uk_mobile_started,
  coalesce(sum(checkout_completed) FILTER (WHERE country_code = 'GB' AND device_category = 'mobile'), 0) AS uk_mobile_completed,
  round(CAST(sum(checkout_completed) FILTER (WHERE country_code = 'GB' AND device_category = 'mobile') AS DOUBLE)
    / nullif(sum(checkout_started) FILTER (WHERE country_code = 'GB' AND device_category = 'mobile'), 0), 6) AS uk_mobile_rate,
  sum(checkout_started) AS total_started,
  sum(checkout_completed) AS total_completed,
  round(CAST(sum(checkout_completed) AS DOUBLE) / nullif(sum(checkout_started), 0), 6) AS total_rate
FROM gold.checkout_funnel
WHERE customer = '{customer}' AND date <= DATE '{date}'
GROUP BY date
ORDER BY date
