-- title: Attempts per exam
-- unit: attempts
-- meaning: Every exam by name, with its attempts and their share of all attempts. Several exam ids can share one name.
-- uses: attempts
-- percent: share
select
    exam_name as exam,
    sum(attempts) as "distinct",
    sum(copies) as published,
    sum(attempts) / sum(sum(attempts)) over () as share,
    count(distinct base_exam_id) as ids
from exam_scores
where not is_test and day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
group by exam_name
order by "distinct" desc, exam
