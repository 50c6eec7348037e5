-- title: Attempts per hour of the week
-- unit: attempts
-- meaning: How many attempts began on each weekday and hour (UTC), by the client's clock, over all weeks. The row without a weekday holds attempts that do not say when they began; hours without attempts are not listed.
-- uses: attempts
-- chart: week weekday hour distinct
select dayname(began) as weekday, hour(began) as hour, sum(attempts) as "distinct", sum(copies) as published
from attempt_hours
where not is_test and day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
group by isodow(began), weekday, hour
order by isodow(began) nulls last, hour
