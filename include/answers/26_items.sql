-- title: Questions: how difficult, and how well they tell good attempts from poor ones
-- unit: shares of attempts, and correlations from -1 to 1
-- meaning: Difficulty is the share of attempts that answered the question rightly: high is easy. Discrimination is how an answer goes with the score in the attempt's other questions: near 0, right answers come from good and poor attempts alike; below 0, poor attempts answer it rightly more often. From 0.2 on a question is usually called useful. Upper minus lower is the share of right answers among the best 27 % of attempts less that among the worst 27 %, by the score in the other questions. Low and high bound the 95 % interval. The hardest question to trust, the one with the lowest discrimination, comes first.
-- uses: own
-- note: Partly right answers (missed_some) and unanswered questions count as not right. Only scores of attempts that saw the same questions (one form) are compared; a question of several forms has the correlation within them, pooled. Left out are answers of attempts with a question that has no id or result, or is there twice. Upper minus lower says the same as discrimination, in percentage points, and has no interval of its own.
-- formula: difficulty p = right / n, with Wilson's interval. Discrimination r = Sux / sqrt(Suu Sxx), sums of squares and products about the means of each form, added over forms; u = 1 for right, x = score without this question; interval tanh(atanh r -+ 1.96 / sqrt(n - forms - 2)). Upper minus lower: equal scores at the border of a group count in part.
-- source: Wilson 1927 (interval of a share); Henrysson 1963 (item-total correlation without the item); Fisher 1921 (z); Kelley 1939 (27 %)
-- percent: difficulty difficulty_low difficulty_high
-- chart: discrimination difficulty difficulty_low difficulty_high discrimination discrimination_low discrimination_high
select
    exam_name as exam,
    question_id as question,
    n,
    left_out,
    forms,
    difficulty,
    difficulty_low,
    difficulty_high,
    discrimination,
    discrimination_low,
    discrimination_high,
    upper_lower as upper_minus_lower,
    empty_because
from item_statistics
order by round(discrimination, 9) nulls last, exam, question, base_exam_id
