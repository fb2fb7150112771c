-- title: What happened to each product on each day, from seen in a list to bought
-- from: product_performance
-- column: sku: Article number; '(not set)' if unknown
-- column: name: Product name; '(not set)' if unknown
-- column: category: The last in the alphabet of the category paths under which it was seen that day
-- column: impressions: Times seen in a list
-- column: clicks: Times clicked in a list
-- column: detail_views: Times its page was seen
-- column: adds: Times put into a cart
-- column: removes: Times taken out of a cart
-- column: checkouts: Times part of a checkout step
-- column: purchases: Order positions with revenue (a reloaded order page has none, so it does not count)
-- column: quantity: Pieces bought
-- column: revenue: Revenue of these positions
-- column: coupons: Order positions bought with a coupon
-- rule: Impressions, clicks, views, cart changes, checkouts and orders counted
-- count: coalesce(sum(impressions + clicks + detail_views + adds + removes + checkouts + purchases), 0)
SELECT
  date,
  customer,
  coalesce(sku, '(not set)') AS sku,
  coalesce(name, '(not set)') AS name,
  coalesce(max(category), '(not set)') AS category,
  count(*) FILTER (WHERE action = 'impression') AS impressions,
  count(*) FILTER (WHERE action = 'click') AS clicks,
  count(*) FILTER (WHERE action = 'detail') AS detail_views,
  count(*) FILTER (WHERE action = 'add') AS adds,
  count(*) FILTER (WHERE action = 'remove') AS removes,
  count(*) FILTER (WHERE action = 'checkout') AS checkouts,
  count(*) FILTER (WHERE action = 'purchase' AND revenue IS NOT NULL) AS purchases,
  coalesce(sum(quantity) FILTER (WHERE action = 'purchase' AND revenue IS NOT NULL), 0) AS quantity,
  CAST(coalesce(sum(revenue) FILTER (WHERE action = 'purchase'), 0) AS DECIMAL(29,6)) AS revenue,
  count(*) FILTER (WHERE action = 'purchase' AND revenue IS NOT NULL AND coupon_code IS NOT NULL) AS coupons
FROM products
GROUP BY date, customer, coalesce(sku, '(not set)'), coalesce(name, '(not set)')
ORDER BY date, customer, sku, name
