"""The small sums in SQL: `exam_scores`, `question_days`, `item_days`, `option_days` and `item_times`, from the rows that they sum up."""

from include.schemas import LANDED

# Why the counts of an attempt cannot be; a count that is null is not known to be wrong. Such an attempt has no score and is in no sum.
IMPOSSIBLE = """case when least(incomplete, submitted, incorrect, correct, total, unanswered) < 0 then 'a negative count'
    when correct > total then 'more correct than total' end"""

# Each attempt's form and score, both null where a question has no id or no result, or an id is there twice; and the place of the last
# question that it answered. DuckDB orders texts by their bytes.
_FORMS = """
    select keen_id, hash, case when is_whole then substr(sha256(array_to_string(ids, chr(10)) || chr(10)), 1, 16) end as form,
        case when is_whole then right_ones end as score, last_answered
    from (
        select *, results = asked and len(ids) = asked and list_unique(ids) = asked as is_whole
        from (
            select keen_id, hash, list_sort(list(question_id) filter (question_id is not null)) as ids, count(*) as asked,
                count(user_result) as results, count(*) filter (user_result = 'correct') as right_ones,
                max(position) filter (user_result <> 'unanswered') as last_answered
            from questions group by keen_id, hash))"""

# What three of the small sums are made from: each question with its attempt's exam, form and score.
SCORED_QUESTIONS = f"""
    select q.day, keen_id, hash, position, base_exam_id, exam_name, is_test, started_at, form, f.score, last_answered, question_id,
        user_result
    from questions q join assessments a using (keen_id, hash) join ({_FORMS}) f using (keen_id, hash)"""


def timed_questions(options: str = "options") -> str:
    """SQL of each question with its time, and whether an option was touched that is not ticked at the end.

    The questions are the rows of `scored_questions`, any that have `started_at`; `options` are the options of their attempts.
    """
    return f"""
    select *, touched < started_at as disordered, epoch_us(touched) - epoch_us(greatest(started_at, lag(touched) over (
        partition by keen_id, hash order by touched nulls last, position))) as micros
    from scored_questions left join (
        select keen_id, hash, question_position as position, max("at") as touched, bool_or(checked is distinct from true) as changed
        from {options} where "at" is not null group by all) using (keen_id, hash, position)"""


# Whose rows each of them sums up, and the column that counts each of these once.
SUMMED = {
    "exam_scores": ("assessments", "attempts"),
    "question_days": ("questions", "asked"),
    "item_days": ("questions", "asked"),
    "option_days": ("options", "offered"),
    "item_times": ("questions", "asked"),
}

# The small sums, from `assessments`, `questions`, `options` and the rows of SCORED_QUESTIONS under that name.
AGGREGATES = {
    "exam_scores": f"""
    select day, base_exam_id, exam_name, is_test, case when score is not null then correct end as correct,
        case when score is not null then total end as total, count(*) as attempts, sum(copies) as copies,
        count(*) filter (is_conflict) as conflicts, sum(incomplete) filter (possible) as incomplete,
        sum(incorrect) filter (possible) as incorrect, sum(unanswered) filter (possible) as unanswered, max(started_at) as last_taken
    from (select *, {IMPOSSIBLE} is null as possible from assessments) group by day, base_exam_id, exam_name, is_test, 5, 6""",
    "question_days": """
    select q.day, a.base_exam_id, a.exam_name, q.question_id, a.is_test, count(*) as asked,
        count(*) filter (user_result = 'correct') as correct, count(*) filter (user_result = 'incorrect') as incorrect,
        count(*) filter (user_result = 'missed_some') as missed, count(*) filter (user_result = 'unanswered') as unanswered
    from questions q join assessments a using (keen_id, hash)
    group by q.day, a.base_exam_id, a.exam_name, q.question_id, a.is_test""",
    "item_days": """
    select day, base_exam_id, exam_name, is_test, form, question_id, score, count(*) as asked,
        count(*) filter (user_result = 'correct') as correct, count(*) filter (user_result = 'incorrect') as incorrect,
        count(*) filter (user_result = 'missed_some') as missed, count(*) filter (user_result = 'unanswered') as unanswered,
        count(*) filter (user_result = 'unanswered' and position > coalesce(last_answered, -1)) as not_reached
    from scored_questions group by day, base_exam_id, exam_name, is_test, form, question_id, score""",
    "option_days": """
    select o.day, base_exam_id, exam_name, is_test, form, q.question_id, option_id, coalesce(o.correct, false) as is_key, score,
        count(*) as offered, count(*) filter (checked) as chosen, count(*) filter (checked and user_result = 'correct') as chosen_right
    from options o join scored_questions q on o.keen_id = q.keen_id and o.hash = q.hash and o.question_position = q.position
    group by o.day, base_exam_id, exam_name, is_test, form, q.question_id, option_id, is_key, score""",
    "item_times": f"""
    select day, base_exam_id, exam_name, is_test, question_id,
        case when micros < 0 then null when micros < 60_000_000 then micros // 1_000_000
            when micros < 600_000_000 then micros // 10_000_000 * 10 when micros < 3_600_000_000 then micros // 60_000_000 * 60
            when micros >= 3_600_000_000 then 3600 end as seconds,
        count(*) as asked, count(*) filter (user_result = 'correct') as correct, count(*) filter (changed) as changed,
        count(*) filter (disordered) as disordered
    from ({timed_questions()}) group by day, base_exam_id, exam_name, is_test, question_id, seconds""",
}


def aggregate(table: str) -> str:
    """SQL of all rows of one of these tables, from the tables `assessments`, `questions` and `options`, in the table's own types."""
    chosen = ", ".join(f'"{column}"::{kind} as "{column}"' for column, kind in LANDED[table].duckdb.items())
    of_questions = f"with scored_questions as materialized ({SCORED_QUESTIONS}) " if "scored_questions" in AGGREGATES[table] else ""
    return f"{of_questions}select {chosen} from ({AGGREGATES[table]})"
