-- title: Exams with the most questions
-- unit: questions
-- meaning: The ten exams whose longest attempt had the most questions; exams with equally many share a place, and all that share the tenth are listed. Beside it the shortest attempt, and how many different questions were ever asked, since one name can stand for several exams.
-- uses: scored
-- note: Longest and shortest are the totals as delivered, so they come from attempts with counts. Different questions come from all attempts counted.
with lengths as (
    select
        rank() over (order by max(total) desc) as place,
        exam_name as exam,
        max(total) as questions,
        min(total) as shortest
    from exam_scores
    where not is_test and correct is not null and day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
    group by exam_name
    qualify place <= 10
),
asked as (
    select exam_name as exam, count(distinct (base_exam_id, question_id)) as different_questions
    from question_days
    where not is_test and day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
    group by exam_name
)
select place, lengths.exam, questions, shortest, coalesce(different_questions, 0) as different_questions
from lengths left join asked on lengths.exam is not distinct from asked.exam
order by place, lengths.exam
