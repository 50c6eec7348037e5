-- title: Questions whose key may be wrong
-- unit: shares of attempts, and correlations from -1 to 1
-- meaning: Named is a question if good attempts tick a wrong option rather than the key: among the best third (by the score in the other questions) more tick the option than the key, and ticking it goes with a high score. Or if poor attempts rather than good ones answer the question rightly, or tick one of its keys (negative correlation). Both only if chance hardly does it: the 95 % interval has to be on that side as a whole. Look whether the key is wrong, or two options are right, or the question misleads.
-- uses: own
-- note: Of several keys the one that the best third ticks least is compared, of several such wrong options the one that it ticks most. Test of two shares of the same attempts: where some tick both, it is stricter than it need be.
-- formula: alarm if Wilson's lower bound of d / (d + k) is above 0.5, d and k the ticks of the best third for the option and for the key, and the lower bound of the option's correlation is above 0; or if the upper bound of the discrimination, or of a key's correlation, is below 0.
-- source: Haladyna 2004 (key validation); Wilson 1927 and Fisher 1921 (intervals)
-- percent: difficulty key_best_third instead_best_third
select
    exam_name as exam,
    question_id as question,
    n,
    difficulty,
    discrimination,
    discrimination_low,
    discrimination_high,
    key,
    key_best_third,
    case when is_beaten then distractor end as chosen_instead,
    case when is_beaten then distractor_best_third end as instead_best_third,
    case
        when is_beaten and is_negative then 'both'
        when is_beaten then 'good attempts choose another option'
        else 'poor attempts choose the key'
    end as alarm
from key_checks
where is_beaten or is_negative
order by round(discrimination, 9) nulls last, exam, question, base_exam_id
