-- Attempts by the score of their other questions, and how many of each of these scores are in a group: 27 hundredths or a third, from the
-- top and from the bottom, counted in hundredths and in thirds. Of a score that only some fit of, each counts in part.
with rest_levels as (
    select exam_name, base_exam_id, question_id, form, rest, sum(attempts) as attempts, sum("right") as "right"
    from (
        select exam_name, base_exam_id, question_id, form, score as rest, asked - correct as attempts, 0 as "right" from item_levels
        union all
        select exam_name, base_exam_id, question_id, form, score - 1, correct, correct from item_levels
    )
    where form is not null
    group by all
    having sum(attempts) > 0
)
select
    *,
    greatest(0, least(100 * attempts, 27 * n - 100 * (n - upto))) as upper,
    greatest(0, least(100 * attempts, 27 * n - 100 * (upto - attempts))) as lower,
    greatest(0, least(3 * attempts, n - 3 * (n - upto))) as best,
    greatest(0, least(3 * attempts, n - 3 * (upto - attempts))) as worst,
    3 * attempts - worst - best as middle
from (
    select
        *,
        sum(attempts) over (partition by exam_name, base_exam_id, question_id, form order by rest) as upto,
        sum(attempts) over (partition by exam_name, base_exam_id, question_id, form) as n
    from rest_levels
)
