-- title: Questions: how long an answer takes, and who guesses
-- unit: seconds
-- meaning: From the touch before (or the start of the attempt) to the last touch of one of the question's options: quartiles, and the 95 % interval of the median. A rapid answer took less than a tenth of the question's mean time, and less than 10 s. Rapid answers that are less often right than the others (beyond chance: the 95 % intervals do not meet) are guesses; where many guess, difficulty and discrimination say little. Rapid ones that are right as often come from people who know the answer at sight. Changed are answers with an option that was touched and is not ticked at the end.
-- uses: own
-- note: Times are whole seconds, rounded down; of a minute or more to 10 seconds, of ten minutes or more to minutes, and 3,600 for an hour and more; means and quartiles are those of these values. A question without a touched option has no time, nor one whose clock is out of order.
-- formula: quartile = the value at n / 4, n / 2, 3 n / 4 in order, the mean of two where that is a whole number; interval of the median from place floor(n/2 - 0.98 sqrt n) to 1 + ceil(n/2 + 0.98 sqrt n); rapid if seconds < min(10, mean / 10)
-- source: Wise and Ma 2012 (NT10, normative threshold of 10 %); Conover 1999 (interval of a quantile)
-- percent: timed rapid rapid_low rapid_high right_if_rapid right_otherwise changed
with placed as (
    select
        *,
        sum(asked) over (partition by exam_name, base_exam_id, question_id order by seconds) as upto,
        sum(asked) over (partition by exam_name, base_exam_id, question_id) as n,
        sum(asked * seconds) over (partition by exam_name, base_exam_id, question_id) as total,
        least(10, total / n / 10) as threshold
    from time_levels
    where seconds is not null
),
timed as (
    select
        exam_name,
        base_exam_id,
        question_id,
        any_value(n) as n,
        any_value(total) / any_value(n) as mean,
        (min(seconds) filter (4 * upto >= n) + min(seconds) filter (4 * upto > n)) / 2 as lower_quartile,
        (min(seconds) filter (2 * upto >= n) + min(seconds) filter (2 * upto > n)) / 2 as median,
        (min(seconds) filter (4 * upto >= 3 * n) + min(seconds) filter (4 * upto > 3 * n)) / 2 as upper_quartile,
        min(seconds) filter (upto >= greatest(1, floor(n / 2 - 1.959963984540054::double * sqrt(n) / 2))) as median_low,
        min(seconds) filter (upto >= least(n, 1 + ceil(n / 2 + 1.959963984540054::double * sqrt(n) / 2))) as median_high,
        any_value(threshold) as threshold,
        coalesce(sum(asked) filter (seconds < threshold), 0) as rapid,
        coalesce(sum(correct) filter (seconds < threshold), 0) as rapid_right,
        coalesce(sum(correct) filter (seconds >= threshold), 0) as other_right
    from placed
    group by all
),
asked as (
    select exam_name, base_exam_id, question_id, sum(asked) as asked, sum(changed) as changed, sum(disordered) as disordered
    from time_levels
    group by all
)
select
    asked.exam_name as exam,
    asked.question_id as question,
    asked,
    coalesce(n, 0) / asked as timed,
    disordered,
    case when n >= $min_n then lower_quartile end as lower_quartile,
    case when n >= $min_n then median end as median,
    case when n >= $min_n then median_low end as median_low,
    case when n >= $min_n then median_high end as median_high,
    case when n >= $min_n then upper_quartile end as upper_quartile,
    case when n >= $min_n then threshold end as rapid_below,
    case when n >= $min_n then rapid / n end as rapid,
    case when n >= $min_n then wilson_low(rapid, n) end as rapid_low,
    case when n >= $min_n then wilson_high(rapid, n) end as rapid_high,
    case when n >= $min_n and rapid > 0 then rapid_right / rapid end as right_if_rapid,
    case when n >= $min_n and rapid < n then other_right / (n - rapid) end as right_otherwise,
    case
        when n >= $min_n then case when wilson_high(rapid_right, rapid) < wilson_low(other_right, n - rapid) then 'yes' else 'not shown' end
    end as rapid_are_guesses,
    case when asked >= $min_n then changed / asked end as changed,
    case when coalesce(n, 0) < $min_n then format('too few attempts with a time: {} of {}', coalesce(n, 0), $min_n) end as empty_because
from asked left join timed
    on asked.exam_name is not distinct from timed.exam_name
    and asked.base_exam_id is not distinct from timed.base_exam_id
    and asked.question_id is not distinct from timed.question_id
order by rapid desc nulls last, asked desc, exam, question, asked.base_exam_id
