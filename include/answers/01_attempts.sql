-- title: Attempts
-- unit: attempts
-- meaning: How many attempts at exams were delivered, and how many of them the answers below count. Distinct: copies with exactly the same bytes count once. Published: every copy counts. The first row counts an attempt on each day that it came; where repeats are left out, the others count it on its first day only.
-- uses: all
-- note: There is no id of a person in the data, so attempts are counted, not people.
with delivered as (
    select sum(attempts) as attempts, sum(copies) as copies
    from all_exam_scores
    where day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
),
counted as (
    select
        is_test,
        correct is not null as is_scored,
        sum(attempts) as attempts,
        sum(copies) as copies,
        sum(conflicts) as conflicts
    from exam_scores
    where day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
    group by all
),
in_force as (
    select quarantined
    from landings
    where day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
    qualify row_number() over (partition by day order by committed_at desc) = 1
),
figures as (
    select 1 as place, 'delivered and readable' as what, attempts as "distinct", copies as published from delivered
    union all
    select
        2,
        'of these on an earlier day already: left out below',
        any_value(delivered.attempts) - coalesce(sum(counted.attempts), 0),
        any_value(delivered.copies) - coalesce(sum(counted.copies), 0)
    from delivered left join counted on true
    union all
    select 3, 'of these at test exams: left out below', sum(attempts) filter (is_test), sum(copies) filter (is_test) from counted
    union all
    select 4, 'counted below', sum(attempts) filter (not is_test), sum(copies) filter (not is_test) from counted
    union all
    select 5, 'of these with a score', sum(attempts) filter (not is_test and is_scored), sum(copies) filter (not is_test and is_scored)
    from counted
    union all
    select 6, 'of these in conflict (same keen_id, other bytes; each version counts)', sum(conflicts) filter (not is_test), null from counted
    union all
    select 7, 'unreadable, in quarantine', null, sum(quarantined) from in_force
)
select what, coalesce("distinct", case when place < 7 then 0 end) as "distinct", coalesce(published, case when place <> 6 then 0 end) as published
from figures
order by place
