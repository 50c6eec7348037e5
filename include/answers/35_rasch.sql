-- title: Questions: Rasch difficulties
-- unit: logits: one more and the odds of a right answer fall by the factor 2.7
-- meaning: How difficult each question is for an attempt of any ability, on a scale on which the mean of the form's questions is 0: above 0 is harder. Unlike the share of right answers it does not depend on who took the exam, if the Rasch model holds: that all questions tell good attempts from poor ones equally well. Fit says whether it does for this question. "More chance than expected" (infit above 1): right answers come from poor attempts too often. "Less": they are all but decided by the other questions. Low and high bound the 95 % interval.
-- uses: own
-- note: Within a form. Attempts with all questions right, or none, say nothing about differences between them and are not in n. Of 100 questions that fit, 5 are named by chance.
-- formula: conditional maximum likelihood: the difficulties at which, given the scores, each question has as many right answers expected as there are; standard error from the inverse information; infit = sum (u - p)^2 / sum p (1 - p), outfit = mean of (u - p)^2 / (p (1 - p)), with p the chance given the score
-- source: Rasch 1960; Andersen 1972; Wright and Masters 1982 (infit, outfit); Müller 2020 (given the score)
-- then: rasch
select exam_name, base_exam_id, form, question_id, score, asked, correct
from item_levels
where form is not null
order by exam_name, base_exam_id, form, question_id, score
