-- title: Perfect, high and low scores
-- unit: attempts
-- meaning: How many attempts reached a perfect score, 90 % or more, 80 % or more, above 70 %, or stayed below 50 %; an attempt counts in every row that fits.
-- uses: scored
-- percent: share share_published
-- chart: bars score distinct
with histogram as (
    select correct, total, attempts, copies from exam_scores where not is_test and correct is not null and day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
),
figures as (
    select 1 as place, 'perfect (100 %)' as score, correct = total as fits, attempts, copies from histogram
    union all
    select 2, '90 % or more', 10 * correct >= 9 * total, attempts, copies from histogram
    union all
    select 3, '80 % or more', 10 * correct >= 8 * total, attempts, copies from histogram
    union all
    select 4, 'above 70 %', 10 * correct > 7 * total, attempts, copies from histogram
    union all
    select 5, 'below 50 %', 2 * correct < total, attempts, copies from histogram
)
select
    score,
    coalesce(sum(attempts) filter (fits), 0) as "distinct",
    coalesce(sum(copies) filter (fits), 0) as published,
    coalesce(sum(attempts) filter (fits), 0) / sum(attempts) as share,
    coalesce(sum(copies) filter (fits), 0) / sum(copies) as share_published
from figures
group by place, score
order by place
