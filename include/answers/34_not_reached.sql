-- title: Questions left open: passed over, or not reached
-- unit: shares of attempts
-- meaning: A question that was not answered was passed over if the attempt answered a later one, and not reached if it did not. Many passed over: the question puts people off. Many not reached: the exam is too long, or people give up; such a question is not hard, it was not seen. Low and high bound the 95 % interval.
-- uses: own
-- note: By the order in which the questions lie in the attempt; a question that was left by jumping to the end counts as not reached too.
-- formula: share = times / asked, with Wilson's interval
-- source: Mislevy and Wu 1996 (omitted and not-reached responses); Wilson 1927
-- percent: passed_over passed_over_low passed_over_high not_reached not_reached_low not_reached_high
with counted as (
    select
        exam_name,
        base_exam_id,
        question_id,
        sum(asked) as asked,
        sum(unanswered) - sum(not_reached) as passed,
        sum(not_reached) as missed
    from item_days
    where
        not is_test and ($exam::varchar is null or exam_name = $exam)
        and day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
    group by all
)
select
    exam_name as exam,
    question_id as question,
    asked,
    case when asked >= $min_n then passed / asked end as passed_over,
    case when asked >= $min_n then wilson_low(passed, asked) end as passed_over_low,
    case when asked >= $min_n then wilson_high(passed, asked) end as passed_over_high,
    case when asked >= $min_n then missed / asked end as not_reached,
    case when asked >= $min_n then wilson_low(missed, asked) end as not_reached_low,
    case when asked >= $min_n then wilson_high(missed, asked) end as not_reached_high,
    case when asked < $min_n then format('too few attempts: {} of {}', asked, $min_n) end as empty_because
from counted
where passed + missed > 0
order by passed_over desc nulls last, passed + missed desc, exam, question, base_exam_id
