-- title: Sessions and revenue per day
SELECT date, sessions, revenue, transactions
FROM gold.daily_kpis
WHERE customer = '{customer}' AND date <= DATE '{date}'
ORDER BY date
