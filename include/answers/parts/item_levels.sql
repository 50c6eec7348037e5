-- Times each question was asked and answered rightly, by form and score. `form` is null for attempts that cannot be analysed.
select exam_name, base_exam_id, question_id, form, score, sum(asked) as asked, sum(correct) as correct
from item_days
where
    not is_test and ($exam::varchar is null or exam_name = $exam)
    and day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
group by all
