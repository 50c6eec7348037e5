-- title: Exams whose scores are bunched at the top or at the bottom
-- unit: shares of attempts
-- meaning: How many attempts answered all questions of their exam rightly, and how many none. Where more than 15 % are at an end, the exam does not tell the best (or the worst) apart: it has a ceiling (or a floor). "Yes": the whole 95 % interval is above 15 %; "no": none of it is; else there are too few attempts to say.
-- uses: own
-- note: The fewer questions an exam has, the more attempts end up at its ends by chance alone. Attempts with a question that has no id or result, or is there twice, are left out. Counted here are questions with the result "correct", not the counts delivered with an attempt.
-- formula: share = attempts at the end / n, with Wilson's interval
-- source: McHorney and Tarlov 1995, Terwee et al. 2007 (15 %); Wilson 1927
-- percent: all_right all_right_low all_right_high none_right none_right_low none_right_high
-- chart: interval exam all_right all_right_low all_right_high n
with of_scores as (
    -- Every attempt of a form was asked each of its questions once.
    select
        exam_name,
        base_exam_id,
        form,
        score,
        max(asked) as attempts,
        count(distinct question_id) as questions
    from item_levels
    where form is not null
    group by all
),
of_exams as (
    select
        exam_name,
        base_exam_id,
        min(questions) as fewest,
        max(questions) as most,
        sum(attempts) as n,
        coalesce(sum(attempts) filter (score = questions), 0) as top,
        coalesce(sum(attempts) filter (score = 0), 0) as bottom
    from of_scores
    group by all
),
bounded as (
    select
        *,
        n >= $min_n as is_known,
        wilson_low(top, n) as top_low,
        wilson_high(top, n) as top_high,
        wilson_low(bottom, n) as bottom_low,
        wilson_high(bottom, n) as bottom_high
    from of_exams
)
select
    exam_name as exam,
    fewest as fewest_questions,
    most as most_questions,
    n,
    case when is_known then top / n end as all_right,
    case when is_known then top_low end as all_right_low,
    case when is_known then top_high end as all_right_high,
    case when is_known then bottom / n end as none_right,
    case when is_known then bottom_low end as none_right_low,
    case when is_known then bottom_high end as none_right_high,
    case when is_known then case when top_low > 0.15 then 'yes' when top_high <= 0.15 then 'no' else 'too few to say' end end as ceiling,
    case when is_known then case when bottom_low > 0.15 then 'yes' when bottom_high <= 0.15 then 'no' else 'too few to say' end end as floor,
    case when not is_known then format('too few attempts: {} of {}', n, $min_n) end as empty_because
from bounded
order by all_right desc nulls last, n desc, exam, base_exam_id
