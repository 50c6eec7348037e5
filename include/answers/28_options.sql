-- title: Options: who chooses them
-- unit: shares of attempts, and correlations from -1 to 1
-- meaning: How often each option of a question was ticked, and how that goes with the score in the attempt's other questions. A key (a right option) should be ticked by good attempts: its correlation is above 0. A wrong option should draw poor attempts: below 0. A wrong option that hardly anybody ticks (fewer than 5 %) does not work: "yes" if the whole interval of its share is below 5 %, "no" if none of it is, else too few to say. Worst, middle and best third are the shares among attempts by the score in the other questions.
-- uses: own
-- note: Of all attempts that were asked the question, also those that ticked nothing. An option that is a key in some attempts and none in others has "differs" as key. Left out are questions with too few attempts, options without an id, and of each option the forms in which it was not offered.
-- formula: share = chosen / n, with Wilson's interval. Correlation r = Scx / sqrt(Scc Sxx), about the means of each form, added over forms; c = 1 for ticked, x = score without this question; interval tanh(atanh r -+ 1.96 / sqrt(n - forms - 2)). Thirds: equal scores at a border count in part.
-- source: Wilson 1927 (interval of a share); Fisher 1921 (z); Haladyna and Downing 1993 (5 %); Attali and Fraenkel 2000 (point-biserial of distractors)
-- percent: share share_low share_high worst_third middle_third best_third
select
    exam_name as exam,
    question_id as question,
    option_id as option,
    case when key_differs then 'differs' when is_key then 'yes' else 'no' end as is_key,
    n,
    chosen,
    share,
    share_low,
    share_high,
    correlation,
    correlation_low,
    correlation_high,
    worst_third,
    middle_third,
    best_third,
    case
        when is_key or key_differs or share is null then null
        when share_high < 0.05 then 'yes'
        when share_low >= 0.05 then 'no'
        else 'too few to say'
    end as hardly_chosen,
    empty_because
from option_statistics
where n >= $min_n
order by exam, question, base_exam_id, option
