"""The small sums in SQL: what `exam_scores` and `question_days` are, from the rows that they are sums of."""

from include.schemas import LANDED

# Why the counts of an attempt cannot be; a count that is null is not known to be wrong. Such an attempt has no score and is in no sum.
IMPOSSIBLE = """case when least(incomplete, submitted, incorrect, correct, total, unanswered) < 0 then 'a negative count'
    when correct > total then 'more correct than total' end"""

# The small sums, from the rows that they are sums of.
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
}


def aggregate(table: str) -> str:
    """SQL of all rows of `exam_scores` or `question_days`, from the tables `assessments` and `questions`, in the table's own types."""
    chosen = ", ".join(f'"{column}"::{kind} as "{column}"' for column, kind in LANDED[table].duckdb.items())
    return f"select {chosen} from ({AGGREGATES[table]})"
