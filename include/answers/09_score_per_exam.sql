-- title: Score per exam
-- unit: share of the questions of an attempt that were answered correctly, 0 to 1
-- meaning: For each exam by name: attempts with a score, mean over distinct and over published attempts, and of the distinct ones median, sample standard deviation (null with one attempt), lowest and highest.
-- uses: scored
-- percent: mean mean_published median stddev_sample minimum maximum
-- chart: bars exam mean distinct
with histogram as (
    select exam_name, correct / total as score, sum(attempts) as attempts, sum(copies) as copies
    from exam_scores
    where not is_test and correct is not null and day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
    group by all
),
placed as (
    select
        *,
        sum(attempts) over (partition by exam_name order by score) as upto,
        sum(attempts) over (partition by exam_name) as n
    from histogram
),
means as (
    select
        exam_name,
        fsum(attempts * score order by score) / sum(attempts) as mean,
        fsum(copies * score order by score) / sum(copies) as mean_published
    from histogram
    group by exam_name
)
select
    placed.exam_name as exam,
    sum(attempts) as "distinct",
    sum(copies) as published,
    any_value(mean) as mean,
    any_value(mean_published) as mean_published,
    (min(score) filter (2 * upto >= n) + min(score) filter (2 * upto > n)) / 2 as median,
    sqrt(fsum(attempts * (score - mean) ** 2 order by score) / nullif(sum(attempts) - 1, 0)) as stddev_sample,
    min(score) as minimum,
    max(score) as maximum
from placed join means on placed.exam_name is not distinct from means.exam_name
group by placed.exam_name
order by mean desc, exam
