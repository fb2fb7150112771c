-- title: The day's hits, one row each, with the session's key
-- The common input of hits.sql and products.sql, so that the list of hits is unpacked once.
SELECT
  _row,
  session_date AS date,
  customer,
  session_id,
  full_visitor_id,
  visit_id,
  start_time,
  hit['hitNumber'] AS hit_number,
  hit['time'] AS hit_time_ms,
  hit['type'] AS hit_type,
  hit['isInteraction'] AS is_interaction,
  hit['isEntrance'] AS is_entrance,
  hit['isExit'] AS is_exit,
  hit['page']['hostname'] AS hostname,
  hit['page']['pagePath'] AS page_path,
  hit['page']['pageTitle'] AS page_title,
  hit['eventInfo']['eventCategory'] AS event_category,
  hit['eventInfo']['eventAction'] AS event_action,
  hit['eventInfo']['eventLabel'] AS event_label,
  hit['eventInfo']['eventValue'] AS event_value,
  hit['eCommerceAction']['action_type'] AS action_type,
  hit['eCommerceAction']['step'] AS checkout_step,
  hit['eCommerceAction']['option'] AS checkout_option,
  hit['transaction']['transactionId'] AS transaction_id,
  hit['transaction']['transactionRevenue'] AS transaction_revenue,
  hit['transaction']['transactionTax'] AS transaction_tax,
  hit['transaction']['transactionShipping'] AS transaction_shipping,
  hit['transaction']['currencyCode'] AS currency_code,
  hit['product'] AS product
FROM (
  SELECT
    _row,
    to_date("date", '%Y%m%d') AS session_date,
    customer,
    "fullVisitorId" || '-' || CAST("visitId" AS VARCHAR) AS session_id,
    "fullVisitorId" AS full_visitor_id,
    "visitId" AS visit_id,
    "visitStartTime" AS start_time,
    unnest(hits) AS hit
  FROM day_sessions
)
