"""Patterns of contracts: what Python and Java read alike is taken, the rest is named. tests/spark asks Java itself about what is taken."""

import pytest

from include import patterns
from tests.harness.common_patterns import COMMON

UNCOMMON = [
    ("a group with a name, spelled as Java does not", "(?P<draft>Draft)", "(?P"),
    ("a reference to it", "(?P<a>x)(?P=a)", "(?P"),
    ("a group by number: Java takes \\11 for \\1 and 1", r"(a)\1", r"\1"),
    ("the end of the value", r"test\Z", r"\Z"),
    ("ends of words: Java 17 and 21 differ", r"\btest\b", r"\b"),
    ("a backspace, in a class", r"[\b]", r"\b"),
    ("vertical white space in Java, one character in Python", r"\v", r"\v"),
    ("lines of their own: Java has none after the last line feed", "(?m)^test", "(?m"),
    ("blanks in classes count in Python alone", "(?x) te st", "(?x"),
    ("Unicode's digits and letters", "(?u)test", "regular expression"),
    ("a condition", "(a)?(?(1)b|c)", "(?("),
    ("a comment", "(?#about)test", "(?#"),
    ("a long code point", r"\U0001F600", r"\U"),
    ("a character by its octal number", r"\012", r"\0"),
    ("a class that begins with ]", "[]a]", "[]"),
    ("a class in a class: a union in Java", "[a[b]", "within [...]"),
    ("an intersection in Java", "[a-z&&b]", "within [...]"),
    ("a brace by itself: an error in Java", "a{b", "a brace"),
    ("from none: an error in Java", "a{,3}", "a brace"),
    ("an escaped letter of another alphabet", "\\é", "\\é"),
]

REFUSED = [
    ("not one at all", "(", "regular expression"),
    ("too many for Python", "a{99999999999999999999}", "regular expression"),
    ("found everywhere: all attempts would be tests", "a*", "every value"),
    ("an empty one is, too", "", "every value"),
    ("an option, on Spark's command line", "-test", "[-]"),
    ("a template of Airflow's", "[{{]", "template"),
    ("an end of text, on Spark's command line", "a\0b", "cannot be handed"),
]


@pytest.mark.parametrize(("why", "pattern", "part"), [*UNCOMMON, *REFUSED], ids=[row[0] for row in [*UNCOMMON, *REFUSED]])
def test_a_pattern_that_java_reads_otherwise_is_refused_by_its_part(why: str, pattern: str, part: str) -> None:
    with pytest.raises(ValueError, match=".") as refused:
        patterns.refuse_uncommon_regex(pattern)
    assert part in str(refused.value), why


@pytest.mark.parametrize("pattern", COMMON)
def test_a_pattern_that_both_read_alike_is_taken(pattern: str) -> None:
    patterns.refuse_uncommon_regex(pattern)


GLOBS = [
    ("no day", "acme.json", "has no {day}"),
    ("braces of a shell", "{day}.{json,ndjson}", "other braces"),
    ("a format", "{day:>12}.json", "has no {day}"),
    ("an open one", "{day}.{", "other braces"),
    ("a closed one", "{day}}.json", "other braces"),
    ("a NUL", "{day}\0", "NUL"),
]


@pytest.mark.parametrize(("why", "glob", "said"), GLOBS, ids=[row[0] for row in GLOBS])
def test_a_glob_that_cannot_be_filled_in_is_refused(why: str, glob: str, said: str) -> None:
    with pytest.raises(ValueError, match=".") as refused:
        patterns.refuse_wrong_glob(glob)
    assert said in str(refused.value), why


def test_a_glob_may_name_the_day_twice() -> None:
    patterns.refuse_wrong_glob("acme/{day}/[ab]?-{day}*.json")
