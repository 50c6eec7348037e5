-- title: Holes
-- unit: values
-- meaning: Fields that were null, missing, empty or of another type in some of the records, with how often they could have been there. Every record that is a JSON object counts, copies and quarantined ones too; a share is of those that could have it.
-- uses: all
-- percent: share
-- chart: bars path share
select
    path,
    sum(parents) as could_have_it,
    sum(present) as present,
    sum(nulls) as nulls,
    sum(missing) as missing,
    sum(empty) as empty,
    sum(wrong_type) as wrong_type,
    1 - sum(present) / sum(parents) as share
from holes
where day between coalesce($from::date, '0001-01-01') and coalesce($to::date, '9999-12-31')
group by path
having sum(parents) > sum(present)
order by share desc, path
