-- title: Least common exams
-- unit: attempts
-- meaning: The ten exams with the fewest distinct attempts, by name; exams with equally many share a place, and all that share the tenth are listed.
-- uses: attempts
-- note: Only exams that somebody attempted are known, so none has 0.
select
    rank() over (order by sum(attempts)) as place,
    exam_name as exam,
    sum(attempts) as "distinct",
    sum(copies) as published
from exam_scores
where not is_test and day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
group by exam_name
qualify place <= 10
order by place, exam
