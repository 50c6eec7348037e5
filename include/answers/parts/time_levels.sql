-- Times each question was asked, by the whole seconds it took; null where that cannot be told.
select
    exam_name,
    base_exam_id,
    question_id,
    seconds,
    sum(asked) as asked,
    sum(correct) as correct,
    sum(changed) as changed,
    sum(disordered) as disordered
from item_times
where
    not is_test and ($exam::varchar is null or exam_name = $exam)
    and day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
group by all
