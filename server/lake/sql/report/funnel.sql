-- title: From session to order
SELECT
  coalesce(sum(sessions), 0) AS sessions,
  coalesce(sum(product_viewed), 0) AS product_viewed,
  coalesce(sum(added_to_cart), 0) AS added_to_cart,
  coalesce(sum(checkout_started), 0) AS checkout_started,
  coalesce(sum(checkout_completed), 0) AS checkout_completed
FROM gold.checkout_funnel
WHERE customer = '{customer}' AND date <= DATE '{date}'
