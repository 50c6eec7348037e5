-- title: Last time each exam was taken
-- unit: time in UTC
-- meaning: When the latest attempt at each exam began, by the client's clock; the latest exam first. Null if no attempt at it says when it began.
-- uses: attempts
select exam_name as exam, max(last_taken) as last_taken, sum(attempts) as "distinct", sum(copies) as published
from exam_scores
where not is_test and day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
group by exam_name
order by last_taken desc nulls last, exam
