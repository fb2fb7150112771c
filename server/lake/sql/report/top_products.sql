-- title: The ten products with most revenue
SELECT
  sku,
  max(name) AS name,
  max(category) AS category,
  sum(detail_views) AS detail_views,
  sum(adds) AS adds,
  sum(purchases) AS purchases,
  sum(quantity) AS quantity,
  sum(revenue) AS revenue
FROM gold.product_performance
WHERE customer = '{customer}' AND date <= DATE '{date}'
GROUP BY sku
HAVING sum(purchases) > 0
ORDER BY revenue DESC, sku
LIMIT 10
