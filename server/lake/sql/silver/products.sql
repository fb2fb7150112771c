-- title: One row for each product of a hit: seen in a list, clicked, viewed, put into the cart, bought
-- from: day_products
-- column: date: Day of the session
-- column: customer: Who delivered it
-- column: session_id: The session, see sessions
-- column: full_visitor_id: The visitor, text
-- column: hit_number: The hit within the session
-- column: action_type: Google's number of the shop action, text
-- column: action: What happened to the product: impression, click, detail, add, remove, checkout, purchase, refund, option; NULL for none
-- column: is_impression: True if the product was only seen in a list
-- column: is_click: True if it was clicked in a list
-- column: sku: Article number
-- column: name: Product name
-- column: category: Category path as the page had it
-- column: variant: Size or colour
-- column: brand: Brand
-- column: list_name: Name of the list
-- column: list_position: Place in the list
-- column: coupon_code: Coupon used; exported since July 2017, NULL before
-- column: quantity: Pieces, for cart, checkout and purchase
-- column: price: Price of a piece
-- column: revenue: Revenue of this position, for purchases
-- rule: Products taken out of their hits, one row each
-- count: count(*)
-- rule: Impressions flagged
-- count: count(*) FILTER (WHERE is_impression)
-- rule: Values 'not available in demo dataset' set to NULL
-- count: count(*) FILTER (WHERE sku = 'not available in demo dataset')
--   + count(*) FILTER (WHERE name = 'not available in demo dataset')
--   + count(*) FILTER (WHERE category = 'not available in demo dataset')
--   + count(*) FILTER (WHERE variant = 'not available in demo dataset')
--   + count(*) FILTER (WHERE brand = 'not available in demo dataset')
--   + count(*) FILTER (WHERE list_name = 'not available in demo dataset')
--   + count(*) FILTER (WHERE coupon_code = 'not available in demo dataset')
-- rule: Values '(not set)' set to NULL
-- count: count(*) FILTER (WHERE sku = '(not set)')
--   + count(*) FILTER (WHERE name = '(not set)')
--   + count(*) FILTER (WHERE category = '(not set)')
--   + count(*) FILTER (WHERE variant = '(not set)')
--   + count(*) FILTER (WHERE brand = '(not set)')
--   + count(*) FILTER (WHERE list_name = '(not set)')
--   + count(*) FILTER (WHERE coupon_code = '(not set)')
-- rule: Amounts converted from micros to DECIMAL
-- count: count(price) + count(revenue)
SELECT
  date,
  customer,
  session_id,
  full_visitor_id,
  hit_number,
  action_type,
  CASE
    WHEN is_impression THEN 'impression'
    WHEN action_type = '1' THEN 'click' WHEN action_type = '2' THEN 'detail'
    WHEN action_type = '3' THEN 'add' WHEN action_type = '4' THEN 'remove'
    WHEN action_type = '5' THEN 'checkout' WHEN action_type = '6' THEN 'purchase'
    WHEN action_type = '7' THEN 'refund' WHEN action_type = '8' THEN 'option'
  END AS action,
  coalesce(is_impression, false) AS is_impression,
  coalesce(is_click, false) AS is_click,
  nullif(nullif(sku, 'not available in demo dataset'), '(not set)') AS sku,
  nullif(nullif(name, 'not available in demo dataset'), '(not set)') AS name,
  nullif(nullif(category, 'not available in demo dataset'), '(not set)') AS category,
  btrim(nullif(nullif(variant, 'not available in demo dataset'), '(not set)')) AS variant,
  nullif(nullif(brand, 'not available in demo dataset'), '(not set)') AS brand,
  nullif(nullif(list_name, 'not available in demo dataset'), '(not set)') AS list_name,
  list_position,
  nullif(nullif(coupon_code, 'not available in demo dataset'), '(not set)') AS coupon_code,
  quantity,
  CAST(CAST(price AS DECIMAL(19,0)) * CAST('0.000001' AS DECIMAL(7,6)) AS DECIMAL(19,6)) AS price,
  CAST(CAST(revenue AS DECIMAL(19,0)) * CAST('0.000001' AS DECIMAL(7,6)) AS DECIMAL(19,6)) AS revenue
FROM day_products
