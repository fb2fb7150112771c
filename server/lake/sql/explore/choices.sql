-- title: What can be chosen in the filters
SELECT 'country' AS field, country AS value, count(*) AS sessions FROM silver.sessions WHERE customer = '{customer}' AND country IS NOT NULL GROUP BY country
UNION ALL
SELECT 'channel', channel, count(*) FROM silver.sessions WHERE customer = '{customer}' AND channel IS NOT NULL GROUP BY channel
UNION ALL
SELECT 'device', device_category, count(*) FROM silver.sessions WHERE customer = '{customer}' AND device_category IS NOT NULL GROUP BY device_category
UNION ALL
SELECT 'date', CAST(min(date) AS VARCHAR), count(*) FROM silver.sessions WHERE customer = '{customer}'
UNION ALL
SELECT 'date', CAST(max(date) AS VARCHAR), count(*) FROM silver.sessions WHERE customer = '{customer}'
ORDER BY 1, 3 DESC, 2
