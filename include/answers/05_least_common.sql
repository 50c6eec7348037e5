-- title: Least common exams
-- unit: attempts
-- meaning: The ten exams with the fewest distinct attempts, by name; exams with equally many share a place, and all that share the tenth are listed.
-- note: Only exams that somebody attempted are known, so none has 0. Left out: {test} distinct attempts ({test_published} published) at test exams.
select
    rank() over (order by sum(attempts)) as place,
    exam_name as exam,
    sum(attempts) as "distinct",
    sum(copies) as published
from exam_scores
where not is_test and ($day::date is null or day = $day::date)
group by exam_name
qualify place <= 10
order by place, exam
