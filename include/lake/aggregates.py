"""The small sums in SQL: `exam_scores`, `question_days`, `item_days`, `option_days` and `item_times`, from the rows that they sum up."""

from include.schemas import LANDED

# Why the counts of an attempt cannot be; a count that is null is not known to be wrong. Such an attempt has no score and is in no sum.
IMPOSSIBLE = """case when least(incomplete, submitted, incorrect, correct, total, unanswered) < 0 then 'a negative count'
    when correct > total then 'more correct than total' end"""

# Each attempt's set of questions and its score among those who saw the same set, both null where a question cannot be told from another or
# has no result; and the place of the last question that it answered. DuckDB orders texts by their bytes.
FORMS = """
    select keen_id, hash, case when is_whole then substr(sha256(ids), 1, 16) end as form, case when is_whole then right_ones end as score,
        last_answered
    from (
        select keen_id, hash, string_agg(question_id || chr(10), '' order by question_id) as ids,
            count(question_id) = count(*) and count(user_result) = count(*) and count(distinct question_id) = count(*) as is_whole,
            count(*) filter (user_result = 'correct') as right_ones, max(position) filter (user_result <> 'unanswered') as last_answered
        from questions group by keen_id, hash)"""

# Each question's last touch, the moment from which its time counts, and whether an option was touched that is not ticked at the end.
_TOUCHES = """
    select q.day, base_exam_id, exam_name, is_test, q.question_id, user_result, changed, touched < started_at as disordered,
        epoch_us(touched) - epoch_us(greatest(started_at, lag(touched) over (
            partition by keen_id, hash order by touched nulls last, q.position))) as micros
    from questions q join assessments a using (keen_id, hash) left join (
        select keen_id, hash, question_position as position, max("at") as touched, bool_or(checked is distinct from true) as changed
        from options where "at" is not null group by all) using (keen_id, hash, position)"""

# Whose rows each of them sums up, and the column that counts each of these once.
SUMMED = {
    "exam_scores": ("assessments", "attempts"),
    "question_days": ("questions", "asked"),
    "item_days": ("questions", "asked"),
    "option_days": ("options", "offered"),
    "item_times": ("questions", "asked"),
}

# The small sums, from these rows and those of their attempts.
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
    "item_days": f"""
    select q.day, base_exam_id, exam_name, is_test, form, question_id, f.score, count(*) as asked,
        count(*) filter (user_result = 'correct') as correct, count(*) filter (user_result = 'incorrect') as incorrect,
        count(*) filter (user_result = 'missed_some') as missed, count(*) filter (user_result = 'unanswered') as unanswered,
        count(*) filter (user_result = 'unanswered' and position > coalesce(last_answered, -1)) as not_reached
    from questions q join assessments a using (keen_id, hash) join ({FORMS}) f using (keen_id, hash)
    group by q.day, base_exam_id, exam_name, is_test, form, question_id, f.score""",
    "option_days": f"""
    select o.day, base_exam_id, exam_name, is_test, form, q.question_id, option_id, coalesce(o.correct, false) as is_key, f.score,
        count(*) as offered, count(*) filter (checked) as chosen, count(*) filter (checked and user_result = 'correct') as chosen_right
    from options o join questions q on o.keen_id = q.keen_id and o.hash = q.hash and o.question_position = q.position
        join assessments a on o.keen_id = a.keen_id and o.hash = a.hash join ({FORMS}) f on o.keen_id = f.keen_id and o.hash = f.hash
    group by o.day, base_exam_id, exam_name, is_test, form, q.question_id, option_id, is_key, f.score""",
    "item_times": f"""
    select day, base_exam_id, exam_name, is_test, question_id,
        case when micros < 0 then null when micros < 60_000_000 then micros // 1_000_000
            when micros < 600_000_000 then micros // 10_000_000 * 10 when micros < 3_600_000_000 then micros // 60_000_000 * 60
            when micros >= 3_600_000_000 then 3600 end as seconds,
        count(*) as asked, count(*) filter (user_result = 'correct') as correct, count(*) filter (changed) as changed,
        count(*) filter (disordered) as disordered
    from ({_TOUCHES}) group by day, base_exam_id, exam_name, is_test, question_id, seconds""",
}


def aggregate(table: str) -> str:
    """SQL of all rows of one of these tables, from the tables `assessments`, `questions` and `options`, in the table's own types."""
    chosen = ", ".join(f'"{column}"::{kind} as "{column}"' for column, kind in LANDED[table].duckdb.items())
    return f"select {chosen} from ({AGGREGATES[table]})"
