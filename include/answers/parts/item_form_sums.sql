-- Of each question: sums within its forms, whole numbers up to here, then centred and added in the order of the forms.
-- u is 1 for a right answer and 0 for any other, x the score of the attempt's other questions (rest score).
select
    exam_name,
    base_exam_id,
    question_id,
    form,
    sum(asked) as n,
    sum(correct) as u,
    sum(asked * score - correct) as x,
    sum((asked - correct) * score * score + correct * (score - 1) * (score - 1)) as xx,
    sum(correct * (score - 1)) as ux
from item_levels
where form is not null
group by all
