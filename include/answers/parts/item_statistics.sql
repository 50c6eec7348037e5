-- A correlation of -1 or 1 has no interval, nor one of fewer than four attempts.
with item_upper_lower as (
    select
        exam_name,
        base_exam_id,
        question_id,
        fsum("right" * (upper - lower) / attempts order by form, rest) / (27 * sum(attempts)) as upper_lower
    from rest_groups
    group by all
),
item_sums as (
    select
        exam_name,
        base_exam_id,
        question_id,
        sum(n) as n,
        sum(u) as "right",
        count(*) as forms,
        fsum((n * ux - u * x) / n order by form) as ux,
        fsum((n * xx - x * x) / n order by form) as xx,
        fsum(u * (n - u) / n order by form) as uu
    from item_form_sums
    group by all
)
select
    asked.exam_name,
    asked.base_exam_id,
    asked.question_id,
    coalesce(n, 0) as n,
    asked.left_out,
    coalesce(forms, 0) as forms,
    n - forms + 1 as pairs,
    "right",
    case when n >= $min_n then "right" / n end as difficulty,
    case when n >= $min_n then wilson_low("right", n) end as difficulty_low,
    case when n >= $min_n then wilson_high("right", n) end as difficulty_high,
    case when n >= $min_n and xx > 0 and uu > 0 then greatest(-1, least(1, ux / sqrt(xx * uu))) end as discrimination,
    fisher_low(discrimination, pairs) as discrimination_low,
    fisher_high(discrimination, pairs) as discrimination_high,
    case when n >= $min_n then upper_lower end as upper_lower,
    case
        when coalesce(n, 0) < $min_n then format('too few attempts: {} of {}', coalesce(n, 0), $min_n)
        when not uu > 0 then 'all answers are right, or none is'
        when not xx > 0 then 'all attempts have the same score in the other questions'
    end as empty_because
from (
    select exam_name, base_exam_id, question_id, coalesce(sum(asked) filter (form is null), 0) as left_out from item_levels group by all
) as asked
left join item_sums
    on asked.exam_name is not distinct from item_sums.exam_name
    and asked.base_exam_id is not distinct from item_sums.base_exam_id
    and asked.question_id is not distinct from item_sums.question_id
left join item_upper_lower
    on asked.exam_name is not distinct from item_upper_lower.exam_name
    and asked.base_exam_id is not distinct from item_upper_lower.base_exam_id
    and asked.question_id is not distinct from item_upper_lower.question_id
