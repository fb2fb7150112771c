-- title: Sessions that came so far towards an order
SELECT
  count(*) AS sessions,
  count(*) FILTER (WHERE products_viewed > 0) AS product_viewed,
  count(*) FILTER (WHERE added_to_cart) AS added_to_cart,
  count(*) FILTER (WHERE checkout_started) AS checkout_started,
  count(*) FILTER (WHERE checkout_completed) AS checkout_completed
FROM silver.sessions
WHERE {where}
