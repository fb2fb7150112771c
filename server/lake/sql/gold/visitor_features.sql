-- title: One row for each visitor, as known 7 days before the last day, for a model of who buys next
-- from: visitor_features
-- column: customer: Customer
-- column: full_visitor_id: The visitor, text
-- column: cutoff_date: Last day that features may see: the customer's last day minus 7
-- column: recency_days: Days from the visitor's last session to the cutoff
-- column: tenure_days: Days from the visitor's first session in the data to the cutoff
-- column: sessions: Sessions until the cutoff
-- column: active_days: Different days with a session until the cutoff
-- column: hits: Hits until the cutoff
-- column: pageviews: Pages seen until the cutoff
-- column: bounces: Sessions with one page until the cutoff
-- column: time_on_site: Seconds on the site until the cutoff
-- column: products_viewed: Product pages seen until the cutoff
-- column: cart_sessions: Sessions with something put into the cart until the cutoff
-- column: checkout_sessions: Sessions that reached the checkout until the cutoff
-- column: transactions: Orders until the cutoff
-- column: revenue: Order value until the cutoff
-- column: last_channel: Channel of the last session until the cutoff
-- column: last_device_category: Device of the last session until the cutoff
-- column: last_country: Country of the last session until the cutoff
-- column: purchased_in_next_7d: The label: an order on one of the 7 days after the cutoff. Nothing else here sees these days
-- rule: Sessions until the cutoff turned into features
-- count: coalesce(sum(sessions), 0)
-- rule: Visitors who buy within the 7 days after the cutoff
-- count: count(*) FILTER (WHERE purchased_in_next_7d)
--
-- With fewer than 8 days of data there is no week to look ahead to, and the table is empty.
WITH cutoffs AS (
  SELECT customer, cutoff_date
  FROM (
    SELECT customer, CAST(max(date) - INTERVAL '7' DAY AS DATE) AS cutoff_date, count(DISTINCT date) AS days
    FROM sessions
    GROUP BY customer
  )
  WHERE days >= 8
),
seen AS (
  SELECT
    s.*,
    c.cutoff_date,
    coalesce(s.start_time, arrow_cast(s.date, 'Timestamp(Microsecond, Some("UTC"))')) AS seen_at
  FROM sessions s
  JOIN cutoffs c ON c.customer = s.customer
  WHERE s.date <= c.cutoff_date AND s.full_visitor_id IS NOT NULL
),
-- First by day, so that a visitor's active days are rows to be counted.
days AS (
  SELECT
    customer,
    full_visitor_id,
    cutoff_date,
    date,
    max(seen_at) AS seen_at,
    count(*) AS sessions,
    sum(hits) AS hits,
    sum(pageviews) AS pageviews,
    sum(bounces) AS bounces,
    sum(time_on_site) AS time_on_site,
    sum(products_viewed) AS products_viewed,
    count(*) FILTER (WHERE added_to_cart) AS cart_sessions,
    count(*) FILTER (WHERE checkout_started) AS checkout_sessions,
    sum(transactions) AS transactions,
    sum(revenue) AS revenue
  FROM seen
  GROUP BY customer, full_visitor_id, cutoff_date, date
),
features AS (
  SELECT
    customer,
    full_visitor_id,
    cutoff_date,
    max(date) AS last_date,
    min(date) AS first_date,
    max(seen_at) AS seen_at,
    count(*) AS active_days,
    CAST(sum(sessions) AS BIGINT) AS sessions,
    sum(hits) AS hits,
    sum(pageviews) AS pageviews,
    sum(bounces) AS bounces,
    sum(time_on_site) AS time_on_site,
    sum(products_viewed) AS products_viewed,
    CAST(sum(cart_sessions) AS BIGINT) AS cart_sessions,
    CAST(sum(checkout_sessions) AS BIGINT) AS checkout_sessions,
    sum(transactions) AS transactions,
    CAST(coalesce(sum(revenue), 0) AS DECIMAL(29,6)) AS revenue
  FROM days
  GROUP BY customer, full_visitor_id, cutoff_date
),
-- Of two sessions that began in the same instant, the last value in the alphabet.
last_session AS (
  SELECT
    s.customer,
    s.full_visitor_id,
    max(s.channel) AS last_channel,
    max(s.device_category) AS last_device_category,
    max(s.country) AS last_country
  FROM seen s
  JOIN features f ON f.customer = s.customer AND f.full_visitor_id = s.full_visitor_id AND f.seen_at = s.seen_at
  GROUP BY s.customer, s.full_visitor_id
),
buyers AS (
  SELECT DISTINCT s.customer, s.full_visitor_id
  FROM sessions s
  JOIN cutoffs c ON c.customer = s.customer
  WHERE s.date > c.cutoff_date AND s.date <= c.cutoff_date + INTERVAL '7' DAY AND s.transactions > 0
)
SELECT
  f.customer,
  f.full_visitor_id,
  f.cutoff_date,
  CAST(f.cutoff_date - f.last_date AS BIGINT) AS recency_days,
  CAST(f.cutoff_date - f.first_date AS BIGINT) AS tenure_days,
  f.sessions,
  f.active_days,
  f.hits,
  f.pageviews,
  f.bounces,
  f.time_on_site,
  f.products_viewed,
  f.cart_sessions,
  f.checkout_sessions,
  f.transactions,
  f.revenue,
  l.last_channel,
  l.last_device_category,
  l.last_country,
  b.full_visitor_id IS NOT NULL AS purchased_in_next_7d
FROM features f
JOIN last_session l ON l.customer = f.customer AND l.full_visitor_id = f.full_visitor_id
LEFT JOIN buyers b ON b.customer = f.customer AND b.full_visitor_id = f.full_visitor_id
ORDER BY f.customer, f.full_visitor_id
