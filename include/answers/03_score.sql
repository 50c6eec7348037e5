-- title: Score
-- unit: share of the questions of an attempt that were answered correctly, 0 to 1
-- meaning: Mean and sample standard deviation (divided by n - 1) of the attempts' scores; every attempt weighs the same, however many questions it has.
-- percent: mean stddev_sample
-- note: Left out: {test} distinct attempts ({test_published} published) at test exams, and {unscored} ({unscored_published} published) without a score because they came without counts.
with histogram as (
    select correct, total, sum(attempts) as attempts, sum(copies) as copies
    from exam_scores
    where not is_test and correct is not null and ($day::date is null or day = $day::date)
    group by correct, total
),
weighted as (
    select 'distinct' as counting, correct / total as score, attempts as weight, correct, total from histogram
    union all
    select 'published', correct / total, copies, correct, total from histogram
),
means as (
    -- The order makes the last digit the same every time.
    select counting, fsum(weight * score order by total, correct) / sum(weight) as mean
    from weighted
    group by counting
)
select
    counting,
    sum(weight) as attempts,
    any_value(mean) as mean,
    sqrt(fsum(weight * (score - mean) ** 2 order by total, correct) / nullif(sum(weight) - 1, 0)) as stddev_sample
from weighted join means using (counting)
group by counting
order by counting
