-- title: Do most attempts of an exam score high?
-- unit: share of attempts with a score of 80 % or more
-- meaning: The share for each exam with its 95 % Wilson interval, as if its attempts were a sample. "Yes": the whole interval is above one half; "no": all of it is below; else there are too few attempts to say.
-- uses: scored
-- percent: share low high share_published
-- chart: interval exam share low high distinct
with counted as (
    select
        exam_name as exam,
        sum(attempts) as n,
        coalesce(sum(attempts) filter (5 * correct >= 4 * total), 0) as scored_high,
        coalesce(sum(copies) filter (5 * correct >= 4 * total), 0) / sum(copies) as share_published
    from exam_scores
    where not is_test and correct is not null and day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
    group by exam_name
),
-- 1.959963984540054 standard deviations hold 95 % of a normal distribution.
spread as (
    select *, scored_high / n as share, 1.959963984540054::double ** 2 as z2 from counted
),
bounded as (
    select
        *,
        (share + z2 / (2 * n)) / (1 + z2 / n) as middle,
        sqrt(z2) * sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n) as reach
    from spread
)
select
    exam,
    n as "distinct",
    scored_high,
    share,
    middle - reach as low,
    middle + reach as high,
    case when middle - reach > 0.5 then 'yes' when middle + reach < 0.5 then 'no' else 'too few to say' end as most_score_high,
    share_published
from bounded
order by share desc, "distinct" desc, exam
