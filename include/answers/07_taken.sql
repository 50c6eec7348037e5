-- title: How many took a given exam
-- unit: attempts
-- meaning: The attempts at one exam: the one that was asked for (--exam), else the most common one; if several are the most common, all of them.
-- uses: attempts
-- note: There is no id of a person in the data, so attempts are counted, not people.
with exams as (
    select
        exam_name as exam,
        rank() over (order by sum(attempts) desc) as place,
        sum(attempts) as "distinct",
        sum(copies) as published,
        coalesce(sum(attempts) filter (correct is null), 0) as without_score,
        sum(conflicts) as in_conflict
    from exam_scores
    where not is_test and day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
    group by exam_name
)
select * exclude (place)
from exams
where case when $exam is null then place = 1 else exam = $exam end
order by exam
