-- title: Sessions on the same weekday before {date}: fewest, most, and on how many days
SELECT min(sessions) AS fewest, max(sessions) AS most, count(*) AS days
FROM gold.daily_kpis
WHERE customer = '{customer}' AND date < DATE '{date}' AND date_part('dow', date) = date_part('dow', DATE '{date}')
