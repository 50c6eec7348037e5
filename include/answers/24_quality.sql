-- title: Quality of the data
-- unit: records
-- meaning: What was delivered with a flaw or apart. Distinct: versions of attempts, those at test exams too. Published: records, copies too.
-- uses: all
with counted as (
    select *, true as is_delivered from attempt_flaws where day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
),
figures as (
    select
        unnest([
            {'place': 1, 'what': 'delivered and readable', 'fits': is_delivered},
            {'place': 2, 'what': 'at test exams', 'fits': is_test},
            {'place': 3, 'what': 'with copies of the same bytes', 'fits': is_copied},
            {'place': 4, 'what': 'in conflict: same keen_id, other bytes', 'fits': is_conflict},
            {'place': 5, 'what': 'counts agree with the questions', 'fits': tallies},
            {'place': 6, 'what': 'counts contradict the questions', 'fits': not tallies},
            {'place': 7, 'what': 'without counts', 'fits': tallies is null},
            {'place': 8, 'what': 'without a score', 'fits': is_unscored},
            {'place': 9, 'what': 'without the name of the exam', 'fits': exam_name is null},
            {'place': 10, 'what': 'without questions', 'fits': is_without_questions}
        ], recursive := true),
        attempts,
        copies
    from counted
),
listed as (
    select place, what, coalesce(sum(attempts) filter (fits), 0) as "distinct", coalesce(sum(copies) filter (fits), 0) as published
    from figures
    group by place, what
    union all
    select 11, 'unreadable, in quarantine: ' || reason, null, sum(records) from quarantine_reasons where day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31') group by reason
)
select what, "distinct", published
from listed
order by place, what
