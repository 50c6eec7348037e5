-- title: Questions to look at
-- unit: questions, the most urgent first
-- meaning: Questions that the attempts speak against, each with its gravest reason: good attempts choose a wrong option rather than the key; poor attempts answer it rightly, or tick a key of it, more often than good ones; an option is the key in some attempts and not in others; it hardly tells good attempts from poor ones (discrimination below 0.2); few answer it rightly (below 30 %); nearly all do (above 90 %); two or more wrong options are hardly ever chosen (below 5 % each). First come those for which chance hardly does it: the whole 95 % interval is beyond the border. Of the others only the figure itself is; more attempts will tell. Within a reason the lowest discrimination comes first.
-- uses: own
-- note: A reason says where to look, not that a question is bad. A question with too few attempts is not named.
-- source: Ebel 1954 (0.2); Allen and Yen 1979 (0.3 to 0.9); Haladyna and Downing 1993 (5 %)
-- percent: difficulty
with judged as (
    select
        *,
        round(discrimination, 9) + 0 as r,
        case
            when is_beaten then 1
            when is_negative then 2
            when differs then 3
            when discrimination_high < 0.2 then 4
            when difficulty_high < 0.3 then 5
            when difficulty_low > 0.9 then 6
            when surely_idle >= 2 then 7
        end as sure,
        case
            when is_perhaps_beaten then 1
            when r < 0 or perhaps_negative_key is not null then 2
            when r < 0.2 then 4
            when difficulty < 0.3 then 5
            when difficulty > 0.9 then 6
            when idle >= 2 then 7
        end as perhaps
    from key_checks
)
select
    row_number() over (
        order by sure is null, coalesce(sure, perhaps), r nulls last, exam_name, question_id, base_exam_id
    ) as place,
    exam_name as exam,
    question_id as question,
    case coalesce(sure, perhaps)
        when 1 then format(
            'Of the best third of attempts {:.0f} % ticked {}, which is no key, and {:.0f} % the key {}.',
            round(100 * if(is_beaten, distractor_best_third, rival_best_third), 6), if(is_beaten, distractor, rival),
            round(100 * key_best_third, 6), key
        )
        when 2 then if(
            coalesce(if(sure is null, r < 0, discrimination_high < 0), false),
            format('Poor attempts answer it rightly more often than good ones: its correlation with the other questions is {:.2f}.', r),
            format('Poor attempts tick its key {} more often than good ones.', if(sure is null, perhaps_negative_key, negative_key))
        )
        when 3 then 'An option is the key in some attempts and not in others.'
        when 4 then format('It hardly tells good attempts from poor ones: its correlation with the other questions is {:.2f}.', r)
        when 5 then format('Few attempts answer it rightly: {:.0f} %.', 100 * difficulty)
        when 6 then format('Nearly all attempts answer it rightly: {:.0f} %.', 100 * difficulty)
        when 7 then format('Of its {} wrong options {} are hardly ever chosen.', wrong_options, if(sure is null, idle, surely_idle))
    end as reason,
    sure is not null as beyond_chance,
    n,
    difficulty,
    discrimination,
    discrimination_low,
    discrimination_high
from judged
where coalesce(sure, perhaps) is not null
order by place
