"""What the records have and lack: per path of the written schema, and of every field that it does not know.

A path is written as `sequences.questions[].options[].at`; `[]` is an element of an array. A name that is not plain stands in brackets
and quotes: `["a.b"]`. What is counted is the source as it came: every record that is one strict JSON object, copies and quarantined
ones too, for a wrong type is a reason for quarantine.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, BooleanType, DataType, IntegerType, StringType, StructField, StructType, TimestampType

from quarantine import with_object
from schemas import ATTEMPT

MOST_UNKNOWN = 100
NAME_LENGTH = 200
RECORD = ""  # the path of the record itself
UNKNOWN = "unknown"
EMPTY = "empty "  # before the kind of an empty text, array or object

# Kinds of the written schema, as `_kind` names them. A moment is a text; whether it can be read is a question for the quarantine.
_KINDS: dict[type[DataType], str] = {
    StringType: "STRING",
    TimestampType: "STRING",
    BooleanType: "BOOLEAN",
    IntegerType: "BIGINT",
    ArrayType: "ARRAY",
    StructType: "OBJECT",
}
NULL = "VOID"
NAME_OF_TYPE = len("BOOLEAN")  # the longest of them
MOST_KINDS = 20  # those above, null, three empty ones, and Spark's names of numbers that are not whole


def _paths(schema: StructType, prefix: str = "") -> Iterator[tuple[str, tuple[str | None, str]]]:
    for field in schema:
        path, kind = prefix + field.name, field.dataType
        yield path, (prefix.removesuffix(".") or None, _KINDS[type(kind)])
        if isinstance(kind, ArrayType):
            path, kind = f"{path}[]", kind.elementType
            yield path, (path, _KINDS[type(kind)])
        if isinstance(kind, StructType):
            yield from _paths(kind, f"{path}.")


# Path -> (path of the objects that it is a field of, None for the record itself; kind that it should have).
# An element of an array is its own parent: it cannot be missing.
PATHS = dict(_paths(ATTEMPT))


def count(records: DataFrame) -> list[Row]:
    """How often each `path` was of which `kind`: all that the schema knows, and of the others (kind `unknown`) the most frequent.

    One row more than MOST_UNKNOWN of the latter says that there are more. The path of the record itself is empty.
    """
    record = F.array_compact(F.array("object"))
    own = F.transform(record, lambda one: _one(F.lit(RECORD), _nested_kind(one)))
    found = _joined(F.array(own, *_fields(record, ATTEMPT, "")))
    kind = F.when(F.col("path").isin(RECORD, *PATHS), F.col("kind")).otherwise(UNKNOWN)
    counted = (
        with_object(records)
        .withColumn("may_be_empty", F.col("text").contains('""'))
        .select(F.inline(found))
        .groupBy("path", kind.alias("kind"))
        .agg(F.count(F.lit(1)).alias("number"))
    )
    most = len(PATHS) * MOST_KINDS + MOST_UNKNOWN + 1
    return counted.orderBy(F.col("kind") == UNKNOWN, F.desc("number"), "path").limit(most).collect()


def _fields(objects: Column, schema: StructType, prefix: str) -> Iterator[Column]:
    """ARRAY<STRUCT<path, kind>> of the fields of some objects, and one for each level below them that the schema knows.

    Level by level and joined at the end: arrays within arrays would be copied at every level.
    """
    nested = [field for field in schema if isinstance(field.dataType, (StructType, ArrayType))]
    names = [field.name for field in nested]

    def of_one(value: Column) -> Column:
        entries = F.map_entries(F.try_variant_get(value, "$", "map<string,variant>"))
        return F.transform(
            entries, lambda each: _one(_path(prefix, each["key"], schema.names), _kind(each["value"], each["key"].isin(names)))
        )

    yield _joined(F.transform(objects, of_one))
    for field in nested:
        yield from _below(objects, field, prefix + field.name)


def _below(objects: Column, field: StructField, path: str) -> Iterator[Column]:
    kind, place = field.dataType, f"$.{field.name}"
    if isinstance(kind, StructType):
        yield from _fields(F.transform(objects, lambda one: F.try_variant_get(one, place, "variant")), kind, f"{path}.")
    elif isinstance(kind, ArrayType) and isinstance(kind.elementType, StructType):
        elements = _joined(F.transform(objects, lambda one: F.try_variant_get(one, place, "array<variant>")))
        yield F.transform(elements, lambda one: _one(F.lit(f"{path}[]"), _nested_kind(one)))
        yield from _fields(elements, kind.elementType, f"{path}[].")


def _joined(arrays: Column) -> Column:
    """One array of all; a null among them is none."""
    return F.flatten(F.array_compact(arrays))


def _one(path: Column, kind: Column) -> Column:
    return F.struct(path.alias("path"), kind.alias("kind"))


def _kind(value: Column, nested: Column) -> Column:
    """Spark's name of a value's type, its parameters cut off, `empty ` before it if nothing is in it; `nested` where the schema has more
    below, because naming the type of an object means to look at all that is in it.
    """
    empty_text = F.col("may_be_empty") & (F.try_variant_get(value, "$", "string") == "")
    return F.when(nested, _nested_kind(value)).when(empty_text, EMPTY + "STRING").otherwise(_type_name(value))


def _nested_kind(value: Column) -> Column:
    kinds = {"OBJECT": "map<string,variant>", "ARRAY": "array<variant>"}
    sizes = {name: F.size(F.try_variant_get(value, "$", kind)) for name, kind in kinds.items()}  # null of another type
    named = [F.when(size == 0, EMPTY + name).when(size > 0, name) for name, size in sizes.items()]
    return F.coalesce(*named, _type_name(value))


def _type_name(value: Column) -> Column:
    return F.substring(F.schema_of_variant(value), 1, NAME_OF_TYPE)


def _path(prefix: str, key: Column, known: list[str]) -> Column:
    quoted = F.regexp_replace(F.substring(key, 1, NAME_LENGTH), r'(["\\])', r"\\$1")
    plain = key.rlike(r"^[A-Za-z_][A-Za-z0-9_-]*\z") & (F.length(key) <= NAME_LENGTH)
    name = F.when(key.isin(known) | plain, key).otherwise(F.concat(F.lit('["'), quoted, F.lit('"]')))
    return F.concat(F.lit(prefix), name)


def rows(day: date, counted: Iterable[Any]) -> list[tuple[Any, ...]]:
    """The table `holes` from what `count` found: one row for each path of the written schema."""
    kinds: dict[str, Counter[str]] = {path: Counter() for path in [RECORD, *PATHS]}
    for path, kind, number in counted:
        if path in kinds:
            kinds[path][kind] = number
    found = []
    for path, (parent, kind) in PATHS.items():
        there = kinds[path]
        above = kinds[RECORD if parent is None else parent]
        parents = there.total() if parent == path else above["OBJECT"] + above[EMPTY + "OBJECT"]
        present, empty, nulls = there[kind], there[EMPTY + kind], there[NULL]
        found.append((day, path, parents, present, nulls, parents - there.total(), empty, there.total() - present - empty - nulls))
    return found


def unknown_fields(counted: Iterable[Any]) -> dict[str, int]:
    """Path -> how often it was there, the most frequent first; `...` for those beyond MOST_UNKNOWN, which are not counted."""
    found = [(path, number) for path, kind, number in counted if kind == UNKNOWN]
    more = {"...": 0} if len(found) > MOST_UNKNOWN else {}
    return {**dict(found[:MOST_UNKNOWN]), **more}
