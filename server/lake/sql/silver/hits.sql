-- title: One row for each hit: a page seen or an event, with its place in the checkout
-- from: day_hits
-- column: date: Day of the session
-- column: customer: Who delivered it
-- column: session_id: The session, see sessions
-- column: full_visitor_id: The visitor, text
-- column: visit_id: The session's number for this visitor
-- column: hit_number: 1 for the first hit of the session
-- column: hit_time: When it happened, UTC
-- column: hit_type: PAGE, EVENT and others
-- column: is_interaction: False for hits that happen without the visitor
-- column: is_entrance: True for the first page of the session
-- column: is_exit: True for the last page of the session
-- column: hostname: Host of the page
-- column: page_path: Path of the page
-- column: page_title: Title of the page
-- column: event_category: Category, for events
-- column: event_action: Action, for events
-- column: event_label: Label, for events
-- column: event_value: Value, for events
-- column: action_type: Google's number of the shop action, text
-- column: action: What it means: click, detail, add, remove, checkout, purchase, refund, option; NULL for none
-- column: checkout_step: Step within the checkout
-- column: checkout_option: Choice made in this step
-- column: transaction_id: Order number
-- column: transaction_revenue: Order value with tax and shipping
-- column: transaction_tax: Tax of the order
-- column: transaction_shipping: Shipping of the order
-- column: currency_code: Currency of the order, ISO 4217
-- column: products: Products of the hit, impressions included
-- rule: Hits taken out of their sessions, one row each
-- count: count(*)
-- rule: Values 'not available in demo dataset' set to NULL
-- count: count(*) FILTER (WHERE hostname = 'not available in demo dataset')
--   + count(*) FILTER (WHERE page_path = 'not available in demo dataset')
--   + count(*) FILTER (WHERE page_title = 'not available in demo dataset')
--   + count(*) FILTER (WHERE event_category = 'not available in demo dataset')
--   + count(*) FILTER (WHERE event_action = 'not available in demo dataset')
--   + count(*) FILTER (WHERE event_label = 'not available in demo dataset')
-- rule: Values '(not set)' set to NULL
-- count: count(*) FILTER (WHERE hostname = '(not set)')
--   + count(*) FILTER (WHERE page_path = '(not set)')
--   + count(*) FILTER (WHERE page_title = '(not set)')
--   + count(*) FILTER (WHERE event_category = '(not set)')
--   + count(*) FILTER (WHERE event_action = '(not set)')
--   + count(*) FILTER (WHERE event_label = '(not set)')
-- rule: Amounts converted from micros to DECIMAL
-- count: count(transaction_revenue) + count(transaction_tax) + count(transaction_shipping)
-- rule: Shop actions named
-- count: count(*) FILTER (WHERE action_type IN ('1', '2', '3', '4', '5', '6', '7', '8'))
SELECT
  date,
  customer,
  session_id,
  full_visitor_id,
  visit_id,
  hit_number,
  CASE WHEN start_time BETWEEN 0 AND 253402300799
    THEN arrow_cast(start_time * 1000000 + coalesce(hit_time_ms, 0) * 1000, 'Timestamp(Microsecond, Some("UTC"))') END AS hit_time,
  hit_type,
  coalesce(is_interaction, false) AS is_interaction,
  coalesce(is_entrance, false) AS is_entrance,
  coalesce(is_exit, false) AS is_exit,
  nullif(nullif(hostname, 'not available in demo dataset'), '(not set)') AS hostname,
  nullif(nullif(page_path, 'not available in demo dataset'), '(not set)') AS page_path,
  nullif(nullif(page_title, 'not available in demo dataset'), '(not set)') AS page_title,
  nullif(nullif(event_category, 'not available in demo dataset'), '(not set)') AS event_category,
  nullif(nullif(event_action, 'not available in demo dataset'), '(not set)') AS event_action,
  nullif(nullif(event_label, 'not available in demo dataset'), '(not set)') AS event_label,
  event_value,
  action_type,
  CASE action_type
    WHEN '1' THEN 'click' WHEN '2' THEN 'detail' WHEN '3' THEN 'add' WHEN '4' THEN 'remove'
    WHEN '5' THEN 'checkout' WHEN '6' THEN 'purchase' WHEN '7' THEN 'refund' WHEN '8' THEN 'option'
  END AS action,
  checkout_step,
  checkout_option,
  transaction_id,
  CAST(CAST(transaction_revenue AS DECIMAL(19,0)) * CAST('0.000001' AS DECIMAL(7,6)) AS DECIMAL(19,6)) AS transaction_revenue,
  CAST(CAST(transaction_tax AS DECIMAL(19,0)) * CAST('0.000001' AS DECIMAL(7,6)) AS DECIMAL(19,6)) AS transaction_tax,
  CAST(CAST(transaction_shipping AS DECIMAL(19,0)) * CAST('0.000001' AS DECIMAL(7,6)) AS DECIMAL(19,6)) AS transaction_shipping,
  currency_code,
  CAST(coalesce(array_length(product), 0) AS BIGINT) AS products
FROM day_hits
