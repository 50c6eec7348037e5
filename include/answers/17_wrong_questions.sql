-- title: Questions with the most wrong answers
-- unit: answers
-- meaning: The ten questions that were most often answered wrongly in distinct attempts; questions with equally many share a place, and all that share the tenth are listed. Wrong is the result "incorrect": questions left open or answered only in part are not. Chosen instead is the wrong option that was most often ticked in these wrong answers (joined by "or" if several were ticked equally often).
-- uses: attempts
-- note: Questions and options have ids only; a question id stands for one question only together with its exam. Published copies repeat the same answers and are not counted again.
-- percent: share
with counted as (
    select
        rank() over (order by sum(incorrect) desc) as place,
        exam_name,
        base_exam_id,
        question_id,
        sum(asked) as asked,
        sum(incorrect) as wrong
    from question_days
    where not is_test and day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
    group by exam_name, base_exam_id, question_id
    having wrong > 0
    qualify place <= 10
),
answered as (
    select attempt.exam_name, attempt.base_exam_id, answer.question_id, option.option_id, count(*) as times
    from questions as answer
        join assessments as attempt using (day, keen_id, hash)
        join options as option
            on option.day = answer.day and option.keen_id = answer.keen_id and option.hash = answer.hash
            and option.question_position = answer.position
    where
        answer.user_result = 'incorrect' and option.checked and option.correct is not true and not attempt.is_test
        and answer.question_id in (select question_id from counted)
        and answer.day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31') and attempt.day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31') and option.day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
    group by all
),
instead as (
    select exam_name, base_exam_id, question_id, string_agg(option_id, ' or ' order by option_id) as chosen_instead, any_value(times) as times
    from (from answered qualify rank() over (partition by exam_name, base_exam_id, question_id order by times desc) = 1)
    group by all
)
select
    place,
    counted.exam_name as exam,
    counted.question_id as question,
    asked,
    wrong,
    wrong / asked as share,
    chosen_instead,
    times
from counted left join instead
    on counted.exam_name is not distinct from instead.exam_name
    and counted.base_exam_id is not distinct from instead.base_exam_id
    and counted.question_id is not distinct from instead.question_id
order by place, exam, question, counted.base_exam_id
