-- title: Exams with the most perfect scores
-- unit: attempts
-- meaning: The ten exams with the most distinct attempts with perfect scores; exams with equally many share a place, and all that share the tenth are listed. Exams without any are not. The share is of the exam's own attempts.
-- uses: scored
-- percent: share
-- chart: bars exam distinct
with counted as (
    select
        exam_name as exam,
        coalesce(sum(attempts) filter (correct = total), 0) as "distinct",
        coalesce(sum(copies) filter (correct = total), 0) as published,
        sum(attempts) as of_attempts
    from exam_scores
    where not is_test and correct is not null and day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
    group by exam_name
)
select rank() over (order by "distinct" desc) as place, exam, "distinct", published, of_attempts, "distinct" / of_attempts as share
from counted
where "distinct" > 0
qualify place <= 10
order by place, exam
