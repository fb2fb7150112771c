-- title: Finds deliveries of the same session
-- table: sessions
-- from: ranked
-- rule: Rows read from bronze
-- count: count(*)
-- rule: Duplicates dropped: the same fullVisitorId and visitId on the day, the delivery with most hits stays
-- count: count(*) FILTER (WHERE delivery > 1)
-- rule: Rows without fullVisitorId or visitId, kept as they are since nothing can be compared
-- count: count(*) FILTER (WHERE not_comparable)
--
-- `_content` holds the whole row in a form that sorts (only where a key occurs twice): with it the
-- winner depends on what was delivered, never on the order of rows or files.
SELECT
  _row,
  CASE
    WHEN not_comparable THEN 1
    ELSE row_number() OVER (
      PARTITION BY not_comparable, "fullVisitorId", "visitId"
      ORDER BY hits DESC NULLS LAST, "_source_file" DESC NULLS LAST, _content DESC NULLS LAST
    )
  END AS delivery,
  not_comparable
FROM (
  SELECT
    _row,
    "fullVisitorId",
    "visitId",
    "fullVisitorId" IS NULL OR "visitId" IS NULL AS not_comparable,
    totals['hits'] AS hits,
    "_source_file",
    _content
  FROM bronze_day
)
