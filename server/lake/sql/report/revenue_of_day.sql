-- title: Revenue and orders on {date}
SELECT revenue, transactions
FROM gold.daily_kpis
WHERE customer = '{customer}' AND date = DATE '{date}'
