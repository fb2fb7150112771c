-- title: One row for each session: who, when, from where, on what device, and what came of it
-- from: day_sessions
-- column: date: Day of the session in the shop's time zone (Pacific Time), as exported
-- column: customer: Who delivered it
-- column: session_id: fullVisitorId and visitId, the session's key within a day
-- column: full_visitor_id: The visitor; text of 16 to 19 digits that may begin with 0, never a number
-- column: client_id: The browser's id; exported since July 2017, NULL before
-- column: visit_id: The session's number for this visitor (epoch seconds of its first hit)
-- column: visit_number: 1 for the visitor's first session
-- column: start_time: When the session began, UTC
-- column: channel: Default channel group, text
-- column: source: Where the visitor came from; '(direct)' without a referrer
-- column: medium: Kind of source; '(none)' for direct traffic
-- column: campaign: Advertising campaign
-- column: keyword: Search term; '(not provided)' where the search engine hides it
-- column: ad_content: Text of the advertisement
-- column: referral_path: Path on the referring site
-- column: is_true_direct: True for sessions without a known source
-- column: country: Country as Google names it
-- column: country_code: ISO 3166-1 alpha-2, from country_codes.csv
-- column: continent: Continent
-- column: sub_continent: Region of the world
-- column: region: State or province
-- column: metro: Designated market area
-- column: city: City
-- column: network_domain: Domain of the visitor's provider
-- column: device_category: desktop, mobile or tablet
-- column: browser: Browser
-- column: operating_system: Operating system
-- column: is_mobile: True for phones and tablets
-- column: language: Language of the browser
-- column: hits: Hits of the session
-- column: pageviews: Pages seen
-- column: time_on_site: Seconds from the first to the last hit; 0 with one hit
-- column: bounces: 1 if the visitor left after one page
-- column: new_visit: True for the visitor's first session
-- column: transactions: Orders
-- column: revenue: Order value with tax and shipping (totals.totalTransactionRevenue), in the shop's currency; NULL without an order
-- column: net_revenue: Order value without shipping (totals.transactionRevenue); NULL without an order
-- column: entry_page: Path of the first page
-- column: exit_page: Path of the last page
-- column: products_viewed: Number of product detail views
-- column: added_to_cart: True if a product was put into the cart
-- column: checkout_started: True if a checkout step (or the order itself) was reached
-- column: checkout_completed: True if an order was completed
-- rule: Rows cast: day to DATE, start to TIMESTAMP in UTC, flags to BOOLEAN; ids stay text
-- count: count(*)
-- rule: Values 'not available in demo dataset' set to NULL
-- count: count(*) FILTER (WHERE "channelGrouping" = 'not available in demo dataset')
--   + count(*) FILTER (WHERE "trafficSource"['source'] = 'not available in demo dataset')
--   + count(*) FILTER (WHERE "trafficSource"['medium'] = 'not available in demo dataset')
--   + count(*) FILTER (WHERE "trafficSource"['campaign'] = 'not available in demo dataset')
--   + count(*) FILTER (WHERE "trafficSource"['keyword'] = 'not available in demo dataset')
--   + count(*) FILTER (WHERE "trafficSource"['adContent'] = 'not available in demo dataset')
--   + count(*) FILTER (WHERE "trafficSource"['referralPath'] = 'not available in demo dataset')
--   + count(*) FILTER (WHERE "geoNetwork"['continent'] = 'not available in demo dataset')
--   + count(*) FILTER (WHERE "geoNetwork"['subContinent'] = 'not available in demo dataset')
--   + count(*) FILTER (WHERE "geoNetwork"['country'] = 'not available in demo dataset')
--   + count(*) FILTER (WHERE "geoNetwork"['region'] = 'not available in demo dataset')
--   + count(*) FILTER (WHERE "geoNetwork"['metro'] = 'not available in demo dataset')
--   + count(*) FILTER (WHERE "geoNetwork"['city'] = 'not available in demo dataset')
--   + count(*) FILTER (WHERE "geoNetwork"['networkDomain'] = 'not available in demo dataset')
--   + count(*) FILTER (WHERE device['browser'] = 'not available in demo dataset')
--   + count(*) FILTER (WHERE device['operatingSystem'] = 'not available in demo dataset')
--   + count(*) FILTER (WHERE device['deviceCategory'] = 'not available in demo dataset')
--   + count(*) FILTER (WHERE device['language'] = 'not available in demo dataset')
--   + count(*) FILTER (WHERE "clientId" = 'not available in demo dataset')
-- rule: Values '(not set)' set to NULL
-- count: count(*) FILTER (WHERE "channelGrouping" = '(not set)')
--   + count(*) FILTER (WHERE "trafficSource"['campaign'] = '(not set)')
--   + count(*) FILTER (WHERE "trafficSource"['source'] = '(not set)')
--   + count(*) FILTER (WHERE "trafficSource"['medium'] = '(not set)')
--   + count(*) FILTER (WHERE "trafficSource"['keyword'] = '(not set)')
--   + count(*) FILTER (WHERE "trafficSource"['adContent'] = '(not set)')
--   + count(*) FILTER (WHERE "trafficSource"['referralPath'] = '(not set)')
--   + count(*) FILTER (WHERE "geoNetwork"['continent'] = '(not set)')
--   + count(*) FILTER (WHERE "geoNetwork"['subContinent'] = '(not set)')
--   + count(*) FILTER (WHERE "geoNetwork"['country'] = '(not set)')
--   + count(*) FILTER (WHERE "geoNetwork"['region'] = '(not set)')
--   + count(*) FILTER (WHERE "geoNetwork"['metro'] = '(not set)')
--   + count(*) FILTER (WHERE "geoNetwork"['city'] = '(not set)')
--   + count(*) FILTER (WHERE "geoNetwork"['networkDomain'] = '(not set)')
--   + count(*) FILTER (WHERE device['browser'] = '(not set)')
--   + count(*) FILTER (WHERE device['operatingSystem'] = '(not set)')
--   + count(*) FILTER (WHERE device['deviceCategory'] = '(not set)')
--   + count(*) FILTER (WHERE device['language'] = '(not set)')
-- rule: Network domains 'unknown.unknown' set to NULL
-- count: count(*) FILTER (WHERE "geoNetwork"['networkDomain'] = 'unknown.unknown')
-- rule: Amounts converted from micros to DECIMAL
-- count: count("totals"['totalTransactionRevenue']) + count("totals"['transactionRevenue'])
-- rule: Counters that the export left out, set to 0
-- count: count(*) * 5 - count(totals['hits']) - count(totals['pageviews']) - count(totals['timeOnSite']) - count(totals['bounces']) - count(totals['transactions'])
-- rule: Start times outside the years 1970 to 9999 set to NULL
-- count: count(*) FILTER (WHERE "visitStartTime" NOT BETWEEN 0 AND 253402300799)
-- rule: Country codes added
-- of: sessions
-- count: count(country_code)
-- rule: Countries without a known code, left NULL
-- of: sessions
-- count: count(*) FILTER (WHERE country IS NOT NULL AND country_code IS NULL)
SELECT
  to_date(d."date", '%Y%m%d') AS date,
  d.customer,
  d."fullVisitorId" || '-' || CAST(d."visitId" AS VARCHAR) AS session_id,
  d."fullVisitorId" AS full_visitor_id,
  nullif(d."clientId", 'not available in demo dataset') AS client_id,
  d."visitId" AS visit_id,
  d."visitNumber" AS visit_number,
  CASE WHEN d."visitStartTime" BETWEEN 0 AND 253402300799
    THEN arrow_cast(d."visitStartTime" * 1000000, 'Timestamp(Microsecond, Some("UTC"))') END AS start_time,
  nullif(nullif(d."channelGrouping", 'not available in demo dataset'), '(not set)') AS channel,
  nullif(nullif(d."trafficSource"['source'], 'not available in demo dataset'), '(not set)') AS source,
  nullif(nullif(d."trafficSource"['medium'], 'not available in demo dataset'), '(not set)') AS medium,
  nullif(nullif(d."trafficSource"['campaign'], 'not available in demo dataset'), '(not set)') AS campaign,
  nullif(nullif(d."trafficSource"['keyword'], 'not available in demo dataset'), '(not set)') AS keyword,
  nullif(nullif(d."trafficSource"['adContent'], 'not available in demo dataset'), '(not set)') AS ad_content,
  nullif(nullif(d."trafficSource"['referralPath'], 'not available in demo dataset'), '(not set)') AS referral_path,
  coalesce(d."trafficSource"['isTrueDirect'], false) AS is_true_direct,
  nullif(nullif(d."geoNetwork"['country'], 'not available in demo dataset'), '(not set)') AS country,
  c.country_code,
  nullif(nullif(d."geoNetwork"['continent'], 'not available in demo dataset'), '(not set)') AS continent,
  nullif(nullif(d."geoNetwork"['subContinent'], 'not available in demo dataset'), '(not set)') AS sub_continent,
  nullif(nullif(d."geoNetwork"['region'], 'not available in demo dataset'), '(not set)') AS region,
  nullif(nullif(d."geoNetwork"['metro'], 'not available in demo dataset'), '(not set)') AS metro,
  nullif(nullif(d."geoNetwork"['city'], 'not available in demo dataset'), '(not set)') AS city,
  nullif(nullif(nullif(d."geoNetwork"['networkDomain'], 'not available in demo dataset'), '(not set)'), 'unknown.unknown') AS network_domain,
  nullif(nullif(d.device['deviceCategory'], 'not available in demo dataset'), '(not set)') AS device_category,
  nullif(nullif(d.device['browser'], 'not available in demo dataset'), '(not set)') AS browser,
  nullif(nullif(d.device['operatingSystem'], 'not available in demo dataset'), '(not set)') AS operating_system,
  d.device['isMobile'] AS is_mobile,
  nullif(nullif(d.device['language'], 'not available in demo dataset'), '(not set)') AS language,
  coalesce(d.totals['hits'], 0) AS hits,
  coalesce(d.totals['pageviews'], 0) AS pageviews,
  coalesce(d.totals['timeOnSite'], 0) AS time_on_site,
  coalesce(d.totals['bounces'], 0) AS bounces,
  coalesce(d.totals['newVisits'], 0) > 0 AS new_visit,
  coalesce(d.totals['transactions'], 0) AS transactions,
  CAST(CAST(coalesce(d.totals['totalTransactionRevenue'], d.totals['transactionRevenue']) AS DECIMAL(19,0)) * CAST('0.000001' AS DECIMAL(7,6)) AS DECIMAL(19,6)) AS revenue,
  CAST(CAST(d.totals['transactionRevenue'] AS DECIMAL(19,0)) * CAST('0.000001' AS DECIMAL(7,6)) AS DECIMAL(19,6)) AS net_revenue,
  h.entry_page,
  h.exit_page,
  coalesce(h.products_viewed, 0) AS products_viewed,
  coalesce(h.added_to_cart, false) AS added_to_cart,
  coalesce(h.checkout_started, false) AS checkout_started,
  coalesce(h.checkout_completed, false) AS checkout_completed
FROM day_sessions d
LEFT JOIN (
  SELECT
    _row,
    first_value(page_path ORDER BY hit_number) FILTER (WHERE hit_type = 'PAGE') AS entry_page,
    last_value(page_path ORDER BY hit_number) FILTER (WHERE hit_type = 'PAGE') AS exit_page,
    count(*) FILTER (WHERE action_type = '2') AS products_viewed,
    bool_or(action_type = '3') AS added_to_cart,
    bool_or(action_type IN ('5', '6')) AS checkout_started,
    bool_or(action_type = '6') AS checkout_completed
  FROM day_hits
  GROUP BY _row
) h ON h._row = d._row
LEFT JOIN country_codes c ON c.country = d."geoNetwork"['country']
ORDER BY start_time NULLS LAST, session_id NULLS LAST
