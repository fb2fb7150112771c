-- title: Sessions on {date}
SELECT sessions
FROM gold.daily_kpis
WHERE customer = '{customer}' AND date = DATE '{date}'
