-- title: Score
-- unit: share of the questions of an attempt that were answered correctly, 0 to 1
-- meaning: Mean, median, sample standard deviation (divided by n - 1), lowest and highest score. Weighing each attempt the same answers "how well did an attempt go"; weighing each exam the same (its own mean score, once) answers "how well does an exam go". Exams that are taken often pull the first, not the second.
-- uses: scored
-- percent: mean median stddev_sample minimum maximum
with histogram as (
    select exam_name, correct / total as score, sum(attempts) as attempts, sum(copies) as copies
    from exam_scores
    where not is_test and correct is not null and day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
    group by all
),
readings as (
    select exam_name, 'distinct' as counting, score, attempts as weight from histogram
    union all
    select exam_name, 'published', score, copies from histogram
),
-- The order makes the last digit of a sum the same every time.
valued as (
    select counting, 'attempt' as each_one, score, weight from readings
    union all
    select counting, 'exam', fsum(weight * score order by score) / sum(weight), 1 from readings group by counting, exam_name
),
placed as (
    select
        *,
        sum(weight) over (partition by counting, each_one order by score) as upto,
        sum(weight) over (partition by counting, each_one) as n
    from valued
),
means as (
    select counting, each_one, fsum(weight * score order by score) / sum(weight) as mean from valued group by all
)
select
    counting,
    each_one as each_counts_once,
    sum(weight) as n,
    any_value(mean) as mean,
    (min(score) filter (2 * upto >= n) + min(score) filter (2 * upto > n)) / 2 as median,
    sqrt(fsum(weight * (score - mean) ** 2 order by score) / nullif(sum(weight) - 1, 0)) as stddev_sample,
    min(score) as minimum,
    max(score) as maximum
from placed join means using (counting, each_one)
group by counting, each_one
order by each_one, counting
