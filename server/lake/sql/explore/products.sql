-- title: Products by revenue
SELECT
  coalesce(p.name, '(not set)') AS product,
  count(*) FILTER (WHERE p.action = 'detail') AS detail_views,
  count(*) FILTER (WHERE p.action = 'add') AS added_to_cart,
  coalesce(sum(p.quantity) FILTER (WHERE p.action = 'purchase' AND p.revenue IS NOT NULL), 0) AS quantity,
  coalesce(sum(p.revenue) FILTER (WHERE p.action = 'purchase'), 0) AS revenue
FROM silver.products p
JOIN (SELECT date, customer, session_id FROM silver.sessions WHERE {where}) s
  ON s.date = p.date AND s.customer = p.customer AND s.session_id = p.session_id
WHERE p.is_impression IS NOT TRUE
GROUP BY 1
ORDER BY revenue DESC, detail_views DESC, 1
LIMIT 20
