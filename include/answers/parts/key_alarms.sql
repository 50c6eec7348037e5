-- Questions whose key may be wrong: of the best third more tick a wrong option than the key, or the key goes with poor attempts.
-- Of several keys the one that the best third ticks least is compared, of several wrong options the one that it ticks most.
alarm_keys as (
    select exam_name, base_exam_id, question_id, arg_min(option_id, (best, option_id)) as key, min(best) as key_best
    from option_statistics
    where is_known and is_key
    group by all
),
alarm_distractors as (
    select
        exam_name,
        base_exam_id,
        question_id,
        arg_min(option_id, (-best, option_id)) as distractor,
        max(best) as distractor_best
    from option_statistics
    where is_known and not is_key and not key_differs and correlation_low > 0
    group by all
),
key_alarms as (
    select
        items.*,
        key,
        key_best / (n / 3) as key_best_third,
        distractor,
        distractor_best / (n / 3) as distractor_best_third,
        coalesce(wilson_low(distractor_best, distractor_best + key_best) > 0.5, false) as is_beaten,
        coalesce(discrimination_high < 0, false) as is_negative
    from item_statistics as items
    left join alarm_keys
        on items.exam_name is not distinct from alarm_keys.exam_name
        and items.base_exam_id is not distinct from alarm_keys.base_exam_id
        and items.question_id = alarm_keys.question_id
    left join alarm_distractors
        on items.exam_name is not distinct from alarm_distractors.exam_name
        and items.base_exam_id is not distinct from alarm_distractors.base_exam_id
        and items.question_id = alarm_distractors.question_id
    where is_beaten or is_negative
)
