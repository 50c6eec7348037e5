-- title: What share of the answers has a time
-- unit: questions of attempts
-- meaning: Of how many questions the time of the answer is known, which the answer about response times rests on. The others had no option touched, or their attempt has no start, or the client's clock was out of order: the answer was touched before the attempt began.
-- uses: own
-- percent: share
select what, number, number / nullif(sum(number) filter (what = 'asked') over (), 0) as share
from (
    select unnest([
        {'place': 1, 'what': 'asked', 'number': coalesce(sum(asked), 0)},
        {'place': 2, 'what': 'with a time', 'number': coalesce(sum(asked) filter (seconds is not null), 0)},
        {'place': 3, 'what': 'without: clock out of order', 'number': coalesce(sum(disordered), 0)},
        {
            'place': 4,
            'what': 'without: no option touched, or no start',
            'number': coalesce(sum(asked) filter (seconds is null), 0) - coalesce(sum(disordered), 0)
        },
        {'place': 5, 'what': 'with a changed answer', 'number': coalesce(sum(changed), 0)}
    ], max_depth := 2)
    from time_levels
)
order by place
