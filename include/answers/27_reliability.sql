-- title: Exams: how far a score can be relied upon
-- unit: reliability, 1 for scores without chance; scores in questions
-- meaning: KR-20, which for right and wrong is Cronbach's alpha, of each exam and form (the set of questions an attempt saw): the share of the differences between scores that is not chance in single questions. Below 0.7 a score tells little about one person. The standard error says by how many questions a score would vary if the same person took another exam like it; twice that to either side holds the true score in about 95 % of cases.
-- uses: own
-- note: Short exams have a low reliability even if each question is good. Forms are not pooled, because their scores mean different things. Left out are attempts with a question that has no id or result, or is there twice.
-- formula: KR-20 = k / (k - 1) (1 - sum p (1 - p) / variance of scores), k questions; interval from 1 - (1 - KR-20) F(0.975) to 1 - (1 - KR-20) F(0.025) with n - 1 and (n - 1)(k - 1) degrees of freedom. Standard error = sd sqrt(1 - KR-20).
-- source: Kuder and Richardson 1937; Feldt 1965 (interval)
with of_scores as (
    -- Every attempt of a form was asked each of its questions once.
    select exam_name, base_exam_id, form, score, max(asked) as attempts from item_levels where form is not null group by all
),
of_forms as (
    select
        exam_name,
        base_exam_id,
        form,
        sum(attempts) as n,
        sum(attempts * score) as s,
        sum(attempts * score * score) as ss
    from of_scores
    group by all
),
of_questions as (
    select exam_name, base_exam_id, form, count(*) as k, sum(u * (n - u)) as chance
    from (
        select exam_name, base_exam_id, form, question_id, sum(asked) as n, sum(correct) as u
        from item_levels
        where form is not null
        group by all
    )
    group by all
),
figures as (
    select
        of_forms.*,
        k,
        s / n as mean_score,
        case when n >= $min_n then sqrt((n * ss - s * s) / (n * (n - 1))) end as sd,
        case when n >= $min_n and k > 1 and n * ss > s * s then k * (n * ss - s * s - chance) / ((k - 1) * (n * ss - s * s)) end as kr20
    from of_forms join of_questions
        on of_forms.exam_name is not distinct from of_questions.exam_name
        and of_forms.base_exam_id is not distinct from of_questions.base_exam_id
        and of_forms.form = of_questions.form
)
select
    exam_name as exam,
    form,
    k as questions,
    n,
    case when n >= $min_n then mean_score end as mean_score,
    sd,
    kr20,
    1 - (1 - kr20) * f_quantile(0.975, n - 1, (n - 1) * (k - 1)) as low,
    1 - (1 - kr20) * f_quantile(0.025, n - 1, (n - 1) * (k - 1)) as high,
    sd * sqrt(1 - kr20) as standard_error,
    case
        when n < $min_n then format('too few attempts: {} of {}', n, $min_n)
        when k < 2 then 'one question only'
        when kr20 is null then 'all attempts have the same score'
    end as empty_because
from figures
order by round(kr20, 9) nulls last, exam, form, base_exam_id
