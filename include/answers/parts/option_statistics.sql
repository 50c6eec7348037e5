-- `is_single`: not twice in an attempt, as far as sums tell.
-- Of each option: how often good and poor attempts chose it. c is 1 where it was chosen, x the score of the attempt's other questions.
with option_levels as (
    select
        exam_name,
        base_exam_id,
        question_id,
        form,
        option_id,
        score,
        sum(offered) as offered,
        sum(chosen) as chosen,
        sum(chosen_right) as chosen_right,
        sum(offered) filter (is_key) as offered_as_key
    from option_days
    where
        not is_test and form is not null and option_id is not null and question_id is not null
        and ($exam::varchar is null or exam_name = $exam)
        and day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
    group by all
),
option_form_sums as (
    select
        levels.*,
        n,
        x,
        n * xx - x * x as xxn
    from (
        select
            exam_name,
            base_exam_id,
            question_id,
            form,
            option_id,
            sum(offered) as offered,
            coalesce(sum(offered_as_key), 0) as offered_as_key,
            sum(chosen) as c,
            sum(chosen * score - chosen_right) as cx
        from option_levels
        group by all
    ) as levels
    join item_form_sums as items
        on levels.exam_name is not distinct from items.exam_name
        and levels.base_exam_id is not distinct from items.base_exam_id
        and levels.question_id = items.question_id
        and levels.form = items.form
),
option_rest as (
    select exam_name, base_exam_id, question_id, form, option_id, rest, sum(chosen) as chosen
    from (
        select exam_name, base_exam_id, question_id, form, option_id, score as rest, chosen - chosen_right as chosen from option_levels
        union all
        select exam_name, base_exam_id, question_id, form, option_id, score - 1, chosen_right from option_levels
    )
    group by all
),
option_thirds as (
    select
        option_rest.exam_name,
        option_rest.base_exam_id,
        option_rest.question_id,
        option_id,
        -- A third of a form's n attempts: three times as many times are in `worst`, `middle` and `best`.
        fsum(chosen * worst / attempts order by option_rest.form, option_rest.rest) / 3 as worst,
        fsum(chosen * middle / attempts order by option_rest.form, option_rest.rest) / 3 as middle,
        fsum(chosen * best / attempts order by option_rest.form, option_rest.rest) / 3 as best
    from option_rest join rest_groups
        on option_rest.exam_name is not distinct from rest_groups.exam_name
        and option_rest.base_exam_id is not distinct from rest_groups.base_exam_id
        and option_rest.question_id = rest_groups.question_id
        and option_rest.form = rest_groups.form
        and option_rest.rest = rest_groups.rest
    group by all
),
option_sums as (
    select
        exam_name,
        base_exam_id,
        question_id,
        option_id,
        sum(n) as n,
        count(*) as forms,
        sum(offered) as offered,
        sum(offered_as_key) as offered_as_key,
        sum(c) as chosen,
        bool_and(offered <= n and c <= n) as is_single,
        fsum((n * cx - c * x) / n order by form) as cx,
        fsum(xxn / n order by form) as xx,
        fsum(c * (n - c) / n order by form) as cc
    from option_form_sums
    group by all
)
select
    option_sums.exam_name,
    option_sums.base_exam_id,
    option_sums.question_id,
    option_sums.option_id,
    n,
    n - forms + 1 as pairs,
    chosen,
    offered_as_key = offered as is_key,
    offered_as_key not in (0, offered) as key_differs,
    n >= $min_n and is_single as is_known,
    case when is_known then chosen / n end as share,
    case when is_known then wilson_low(chosen, n) end as share_low,
    case when is_known then wilson_high(chosen, n) end as share_high,
    case when is_known and xx > 0 and cc > 0 then greatest(-1, least(1, cx / sqrt(xx * cc))) end as correlation,
    fisher_low(correlation, pairs) as correlation_low,
    fisher_high(correlation, pairs) as correlation_high,
    worst,
    middle,
    best,
    case when is_known then worst / (n / 3) end as worst_third,
    case when is_known then middle / (n / 3) end as middle_third,
    case when is_known then best / (n / 3) end as best_third,
    case
        when n < $min_n then format('too few attempts: {} of {}', n, $min_n)
        when not is_single then 'the option is there twice in an attempt'
        when not cc > 0 then 'all attempts chose it, or none did'
        when not xx > 0 then 'all attempts have the same score in the other questions'
    end as empty_because
from option_sums join option_thirds
    on option_sums.exam_name is not distinct from option_thirds.exam_name
    and option_sums.base_exam_id is not distinct from option_thirds.base_exam_id
    and option_sums.question_id = option_thirds.question_id
    and option_sums.option_id = option_thirds.option_id
