-- title: Attempts per day
-- unit: attempts
-- meaning: How many attempts began on each calendar day (UTC), by the client's clock. The row without a date holds attempts that do not say when they began; days without attempts are not listed.
-- uses: attempts
-- chart: dates date distinct
select began::date as date, sum(attempts) as "distinct", sum(copies) as published
from attempt_hours
where not is_test and day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
group by date
order by date nulls last
