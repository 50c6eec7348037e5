"""What one landing on HDFS is, as it was counted there: the words in which `evidence.py` says it and `checks.py` judges it."""

from dataclasses import dataclass

from include.validation.holes import Holes


@dataclass(frozen=True)
class Some:
    """How many there are, and the first few of them in words."""

    count: int
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        more = ", ..." if self.count > len(self.examples) else ""
        return f"{'; '.join(self.examples)}{more}"


@dataclass(frozen=True)
class FoundFile:
    """A Parquet file as it lies there: its length, and from its footer rows and columns with Arrow's types. Or why it cannot be read."""

    bytes: int
    rows: int = 0
    columns: dict[str, str] | None = None
    unreadable: str = ""


@dataclass(frozen=True)
class Raw:
    """`raw_assessments` as it lies there; the hashes are of the bytes, computed here."""

    rows: int
    content_hash: str
    ingests: dict[str, int]
    wrong_hashes: Some
    repeated_offsets: Some
    offsets: dict[int, tuple[int, int]]
    records: int  # distinct record numbers
    lowest_record: int | None
    highest_record: int | None


@dataclass(frozen=True)
class Attempts:
    """`assessments` and `quarantine` as they lie there."""

    distinct: int
    copies: int
    quarantined: int
    reasons: dict[str, int]
    content_hash: str  # of hash x copies of the attempts, plus the quarantine
    repeated_keys: Some
    without_copies: Some
    wrong_conflicts: Some
    lost: Some  # records in raw_assessments, neither landed nor quarantined
    invented: Some  # landed or quarantined, more often than raw_assessments has them
    untallied: int
    wrong_scores: Some  # neither correct / total of possible counts, nor null where there is none
    impossible: dict[str, int]  # attempts whose counts cannot be, by reason


@dataclass(frozen=True)
class Children:
    """What depends on the attempts, as it lies there."""

    orphan_questions: Some
    orphan_options: Some
    wrong_questions: Some  # attempts whose questions are not numbered 0 to question_count - 1
    wrong_options: Some
    wrong_sums: dict[str, Some]  # table of sums -> its rows that differ from those counted again from attempts, questions and options
    unbalanced: dict[str, tuple[int, int]]  # table of sums -> how many rows it counts, and how many there are, where that differs


@dataclass(frozen=True)
class Gaps:
    """`holes` as it lies there."""

    holes: Holes
    repeated_paths: Some
    wrong_sums: Some  # present, nulls, missing, empty and wrong_type do not add up to parents
    wrong_counts: Some  # fields that the tables have more or less often than holes says


@dataclass(frozen=True)
class Facts:
    """What the contents of the files say; `days` maps table to day to rows."""

    days: dict[str, dict[str, int]]
    raw: Raw
    attempts: Attempts
    figures: dict[str, int]  # of include/figures.py but the promise's sum, by name
    children: Children
    gaps: Gaps
    out_of_range: dict[str, Some]  # table.column and its range -> rows outside of it


@dataclass(frozen=True)
class Landed:
    """One landing as it lies on HDFS: table to path to file. Without facts where a file is missing, unreadable or of other columns."""

    files: dict[str, dict[str, FoundFile]]
    facts: Facts | None
