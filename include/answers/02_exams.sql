-- title: Exams
-- unit: exams
-- meaning: How many different exams the counted attempts were made at. Several exam ids can share one name.
-- note: Left out: {test} distinct attempts ({test_published} published) at test exams.
select
    count(distinct exam_name) as names,
    count(distinct base_exam_id) as ids
from exam_scores
where not is_test and ($day::date is null or day = $day::date)
