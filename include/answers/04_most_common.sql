-- title: Most common exams
-- unit: attempts
-- meaning: The ten exams with the most distinct attempts, by name; exams with equally many share a place, and all that share the tenth are listed.
-- uses: attempts
-- chart: bars exam distinct
select
    rank() over (order by sum(attempts) desc) as place,
    exam_name as exam,
    sum(attempts) as "distinct",
    sum(copies) as published
from exam_scores
where not is_test and day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
group by exam_name
qualify place <= 10
order by place, exam
