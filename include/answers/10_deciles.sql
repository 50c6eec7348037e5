-- title: Deciles of the scores
-- unit: share of the questions of an attempt that were answered correctly, 0 to 1
-- meaning: The smallest score that at least so many percent of the attempts do not exceed. 50 % is the lower median.
-- uses: scored
-- percent: attempts_up_to distinct published
-- chart: columns attempts_up_to distinct
with histogram as (
    select correct / total as score, sum(attempts) as attempts, sum(copies) as copies
    from exam_scores
    where not is_test and correct is not null and day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
    group by all
),
placed as (
    select
        score,
        sum(attempts) over (order by score) as upto,
        sum(attempts) over () as n,
        sum(copies) over (order by score) as upto_published,
        sum(copies) over () as n_published
    from histogram
)
select
    tenth / 10 as attempts_up_to,
    min(score) filter (10 * upto >= tenth * n) as "distinct",
    min(score) filter (10 * upto_published >= tenth * n_published) as published
from placed, range(1, 10) as tenths(tenth)
group by tenth
order by tenth
