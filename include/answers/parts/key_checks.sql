-- Questions whose key may be wrong: of the best third more tick a wrong option than the key, or the question or a key of it goes with poor attempts.
-- Of several keys the one that the best third ticks least is compared, of several wrong options the one that it ticks most: of all that
-- go with good attempts (rival), and of those for which chance hardly does it (distractor). Rounded, so that equal is equal.
with alarm_options as (
    select
        exam_name,
        base_exam_id,
        question_id,
        arg_min(option_id, (round(best, 9), option_id)) filter (is_key) as key,
        min(best) filter (is_key) as key_best,
        arg_min(option_id, (round(correlation, 9), option_id)) filter (is_key and correlation_high < 0) as negative_key,
        arg_min(option_id, (round(correlation, 9), option_id)) filter (is_key and round(correlation, 9) < 0) as perhaps_negative_key,
        arg_min(option_id, (-round(best, 9), option_id)) filter (not is_key and not key_differs and correlation_low > 0) as distractor,
        max(best) filter (not is_key and not key_differs and correlation_low > 0) as distractor_best,
        arg_min(option_id, (-round(best, 9), option_id)) filter (not is_key and not key_differs and correlation > 0) as rival,
        max(best) filter (not is_key and not key_differs and correlation > 0) as rival_best,
        count(*) filter (not is_key and not key_differs) as wrong_options,
        count(*) filter (not is_key and not key_differs and share_high < 0.05) as surely_idle,
        count(*) filter (not is_key and not key_differs and share < 0.05) as idle,
        bool_or(key_differs) as differs
    from option_statistics
    where is_known
    group by all
)
select
    items.*,
    key,
    key_best / (n / 3) as key_best_third,
    negative_key,
    perhaps_negative_key,
    distractor,
    distractor_best / (n / 3) as distractor_best_third,
    rival,
    rival_best / (n / 3) as rival_best_third,
    wrong_options,
    surely_idle,
    idle,
    coalesce(differs, false) as differs,
    coalesce(wilson_low(distractor_best, distractor_best + key_best) > 0.5, false) as is_beaten,
    coalesce(round(rival_best, 9) > round(key_best, 9), false) as is_perhaps_beaten,
    coalesce(discrimination_high < 0, false) or negative_key is not null as is_negative
from item_statistics as items
left join alarm_options
    on items.exam_name is not distinct from alarm_options.exam_name
    and items.base_exam_id is not distinct from alarm_options.base_exam_id
    and items.question_id = alarm_options.question_id
