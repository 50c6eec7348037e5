-- title: Exams
-- unit: exams
-- meaning: How many different exams the counted attempts were made at. Several exam ids can share one name.
-- uses: attempts
select
    count(distinct exam_name) as names,
    count(distinct base_exam_id) as ids
from exam_scores
where not is_test and day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
