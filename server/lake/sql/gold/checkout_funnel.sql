-- title: How many sessions got how far towards an order, by country and device
-- from: checkout_funnel
-- column: country: Country as Google names it; '(not set)' if unknown
-- column: country_code: ISO 3166-1 alpha-2; NULL if unknown
-- column: device_category: desktop, mobile or tablet; '(not set)' if unknown
-- column: sessions: All sessions
-- column: product_viewed: Sessions that saw a product page
-- column: added_to_cart: Sessions that put something into the cart
-- column: checkout_started: Sessions that reached the checkout
-- column: checkout_completed: Sessions that completed an order
-- column: completion_rate: checkout_completed / checkout_started; NULL if none started
-- rule: Sessions aggregated
-- count: coalesce(sum(sessions), 0)
SELECT
  date,
  customer,
  coalesce(country, '(not set)') AS country,
  max(country_code) AS country_code,
  coalesce(device_category, '(not set)') AS device_category,
  count(*) AS sessions,
  count(*) FILTER (WHERE products_viewed > 0) AS product_viewed,
  count(*) FILTER (WHERE added_to_cart) AS added_to_cart,
  count(*) FILTER (WHERE checkout_started) AS checkout_started,
  count(*) FILTER (WHERE checkout_completed) AS checkout_completed,
  round(CAST(count(*) FILTER (WHERE checkout_completed) AS DOUBLE)
    / nullif(count(*) FILTER (WHERE checkout_started), 0), 6) AS completion_rate
FROM sessions
GROUP BY date, customer, coalesce(country, '(not set)'), coalesce(device_category, '(not set)')
ORDER BY date, customer, country, device_category
