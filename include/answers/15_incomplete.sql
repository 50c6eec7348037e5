-- title: Exams with the most incomplete questions
-- unit: questions
-- meaning: The ten exams with the most questions answered with some but not all right options, as the delivered counts of their distinct attempts say; exams with equally many share a place, and all that share the tenth are listed. Exams without any are not. Published: every copy counts again.
-- uses: attempts
-- note: An attempt without counts adds nothing.
-- percent: share_of_questions
-- chart: bars exam distinct
with counted as (
    select exam_name, sum(incomplete) as "distinct", sum(total * attempts) as questions
    from exam_scores
    where not is_test and day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
    group by exam_name
),
-- The small table sums over distinct attempts; only attempts with copies add to it.
surplus as (
    select exam_name, sum(more_incomplete) as more
    from attempt_flaws
    where is_copied and not is_test and day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
    group by exam_name
)
select
    rank() over (order by "distinct" desc) as place,
    counted.exam_name as exam,
    "distinct",
    "distinct" + coalesce(more, 0) as published,
    "distinct" / nullif(questions, 0) as share_of_questions
from counted left join surplus on counted.exam_name is not distinct from surplus.exam_name
where "distinct" > 0
qualify place <= 10
order by place, exam
