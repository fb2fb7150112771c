-- title: The day's products, one row for each product of a hit
SELECT
  date,
  customer,
  session_id,
  full_visitor_id,
  hit_number,
  action_type,
  product['isImpression'] AS is_impression,
  product['isClick'] AS is_click,
  product['productSKU'] AS sku,
  product['v2ProductName'] AS name,
  product['v2ProductCategory'] AS category,
  product['productVariant'] AS variant,
  product['productBrand'] AS brand,
  product['productListName'] AS list_name,
  product['productListPosition'] AS list_position,
  product['productCouponCode'] AS coupon_code,
  product['productQuantity'] AS quantity,
  product['productPrice'] AS price,
  product['productRevenue'] AS revenue
FROM (
  SELECT date, customer, session_id, full_visitor_id, hit_number, action_type, unnest(product) AS product
  FROM day_hits
)
