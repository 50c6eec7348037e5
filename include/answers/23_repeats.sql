-- title: Repeats and duplicates
-- unit: attempts
-- meaning: Attempts that were delivered more than once. Duplicates: copies with the same bytes within a day's delivery; they are one distinct attempt. Repeats: the same attempt, the same bytes, delivered on several days. Answers about several days count it on its first day only, unless repeats are asked for; here every delivery counts.
-- uses: all
-- reads: every day
-- note: Surplus is what would vanish if each attempt had been delivered once. With a span of days, "on an earlier day too" looks at every landed day before.
with delivered as (
    select day, keen_id, hash, copies, min(day) over (partition by keen_id, hash) as first_day from all_assessments
),
asked as (
    from delivered where day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
),
several as (
    select keen_id, hash, count(*) as days from asked group by all having days > 1
)
select 'delivered once on their day' as what, count(*) as "distinct", count(*) as published, 0 as surplus from asked where copies = 1
union all by name
select 'delivered more than once on their day' as what, count(*) as "distinct", coalesce(sum(copies), 0) as published, coalesce(sum(copies - 1), 0) as surplus
from asked where copies > 1
union all by name
select 'delivered on several of these days' as what, count(*) as "distinct", coalesce(sum(days), 0) as published, coalesce(sum(days - 1), 0) as surplus
from several
union all by name
select 'delivered on an earlier day too' as what, count(*) as "distinct", coalesce(sum(copies), 0) as published, coalesce(sum(copies), 0) as surplus
from asked where day > first_day
