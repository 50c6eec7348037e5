-- title: Distribution of the scores
-- unit: attempts
-- meaning: How many attempts scored within each tenth of the scale: from the lower bound on, up to but not including the upper one; a perfect score is a row of its own (counts that contradict themselves, with more right answers than questions, stand there too).
-- uses: scored
-- percent: share
-- chart: columns score distinct
with counted as (
    select case when correct >= total then 10 else greatest(10 * correct // total, 0) end as tenth, sum(attempts) as attempts, sum(copies) as copies
    from exam_scores
    where not is_test and correct is not null and day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
    group by all
)
select
    case when tenths.tenth = 10 then '100 %' else format('{} to {} %', 10 * tenths.tenth, 10 * tenths.tenth + 10) end as score,
    coalesce(attempts, 0) as "distinct",
    coalesce(copies, 0) as published,
    coalesce(attempts, 0) / sum(attempts) over () as share
from range(0, 11) as tenths(tenth) left join counted on tenths.tenth = counted.tenth
order by tenths.tenth
