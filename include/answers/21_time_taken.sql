-- title: Time taken per exam
-- unit: minutes from the beginning of an attempt to its record
-- meaning: Median over the distinct attempts whose clocks agree, and over all that have both times. The beginning is told by the client's clock, the record by the server's. Where an option was touched before the attempt began or after it was recorded, or the record is older than the beginning, the clocks disagree: left out and counted.
-- uses: own
-- chart: bars exam median_minutes used
-- note: The first row is over all exams. Used + clock skew + without times = distinct attempts without test exams; conflicting versions each count. Published: the median when every copy counts.
with touched as (
    select day, keen_id, hash, min("at") as first_at, max("at") as last_at from options where day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31') group by all
),
timed as (
    select
        exam_name,
        copies,
        epoch_us(keen_timestamp) - epoch_us(started_at) as micros,
        coalesce(keen_timestamp < started_at or first_at < started_at or last_at > keen_timestamp, false) as is_skewed
    from assessments left join touched using (day, keen_id, hash)
    where not is_test and day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
),
grouped as (
    select 0 as place, null as exam_name, copies, micros, is_skewed from timed
    union all
    select 1, exam_name, copies, micros, is_skewed from timed
),
medians as (
    select place, exam_name, (min(micros) filter (2 * upto >= n) + min(micros) filter (2 * upto > n)) / 2 as published
    from (
        select
            *,
            sum(copies) over (partition by place, exam_name order by micros) as upto,
            sum(copies) over (partition by place, exam_name) as n
        from grouped
        where micros is not null and not is_skewed
    )
    group by all
)
select
    case when grouped.place = 0 then 'all exams' else grouped.exam_name end as exam,
    count(*) filter (micros is not null and not is_skewed) as used,
    count(*) filter (is_skewed) as clock_skew,
    count(*) filter (micros is null and not is_skewed) as without_times,
    median(micros) filter (not is_skewed) / 60e6 as median_minutes,
    any_value(published) / 60e6 as median_minutes_published,
    median(micros) / 60e6 as median_with_skewed
from grouped left join medians
    on grouped.place = medians.place and grouped.exam_name is not distinct from medians.exam_name
group by grouped.place, grouped.exam_name
order by grouped.place, used desc, exam
