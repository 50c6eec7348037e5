"""Which records are fit to land, and why the others are not.

Every record passes three cheap tests: is it one strict JSON text (`is_strict_json`), does it fit the written schema (`from_json`),
and can no string field be something else (`LOOKS_ODD`). The last one may cry wolf but never misses. Only the suspects, records that
fail a test, are judged in detail: on a VARIANT, field by field. Judging all of them so would take several times as long.
"""

from collections.abc import Callable, Mapping
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, BooleanType, DataType, IntegerType, LongType, StringType, StructField, StructType, TimestampType

from readings import ISO_MOMENT, READERS
from schemas import ATTEMPT, HELD_IN_TEXT

DETAIL_LENGTH = 200
_CORRUPT = StructField("_corrupt", StringType())
_ATTEMPT = StructType([*ATTEMPT.fields, _CORRUPT])

# Jackson as RFC 8259 has it; Spark's defaults allow 'single quotes' and NaN.
_STRICT = {
    "mode": "PERMISSIVE",
    "columnNameOfCorruptRecord": _CORRUPT.name,
    "allowSingleQuotes": "false",
    "allowNonNumericNumbers": "false",
}


def read_records(messages: DataFrame) -> DataFrame:
    """Messages (`value`, `hash`, ...) with `attempt`, the ATTEMPT struct as far as it could be read, its `keen_id`, and `sound`."""
    return _with_texts(messages).withColumns({"sound": is_sound(), "keen_id": F.col("attempt.keen_id")}).drop("text", "document")


def is_suspect() -> Column:
    """Parts the records that need a judgement from those that are fit at first glance."""
    return ~F.col("sound")


def judge(suspects: DataFrame) -> DataFrame:
    """The suspects with `reason` and `detail`, null for those that are fit after all."""
    found = {name: first_problem("object", check) for name, check in {"wrong_type": type_problem, "unreadable": reading_problem}.items()}
    return (
        _with_texts(suspects)
        .withColumn("object", _first_value())
        .withColumns(found)
        .withColumn("verdict", verdict())
        .select(*suspects.columns, F.col("verdict.reason"), F.substring("verdict.detail", 1, DETAIL_LENGTH).alias("detail"))
    )


def no_suspects(records: DataFrame) -> DataFrame:
    """What `judge` returns for no record, without the seconds that planning it takes."""
    nothing = F.lit(None).cast("string")
    return records.where(F.lit(False)).withColumns({"reason": nothing, "detail": nothing})


def with_object(records: DataFrame) -> DataFrame:
    """With `object`, the record as VARIANT; null where it is not one strict JSON object."""
    is_object = is_strict_json(F.col("document"), F.col("hash")) & F.col("text").rlike(r"^\s*\{")
    return _with_texts(records).withColumn("object", F.when(is_object, _first_value()))


def _first_value() -> Column:
    return F.try_variant_get("document", "$[0]", "variant")


def is_quarantined() -> Column:
    """Parts the judged suspects; `~is_quarantined()` are accepted."""
    return F.col("reason").isNotNull()


def _with_texts(messages: DataFrame) -> DataFrame:
    """With `text` (null if it is not UTF-8), `attempt`, and `document`, the sealed text as VARIANT (null if it does not parse)."""
    text = F.try_validate_utf8(F.col("value").cast("string"))
    return messages.withColumn("text", text).withColumns(
        {"attempt": F.from_json("text", _ATTEMPT, _STRICT), "document": F.try_parse_json(sealed(F.col("text"), F.col("hash")))}
    )


# --- The cheap tests, for every record


def sealed(text: Column, seal: Column) -> Column:
    """`[text,seal]`: a parser stops at the end of the first value, so whether the text is one value shows only in what follows it.

    The seal is the record's own hash, so that no record can contain its own ending: `{}] junk` and `{},{}` both lose the seal.
    """
    return F.concat(F.lit("["), text, F.lit(","), seal.cast("string"), F.lit("]"))


def is_strict_json(document: Column, seal: Column) -> Column:
    """Whether a sealed text was one JSON value without a repeated key at any depth."""
    return F.coalesce(F.try_variant_get(document, "$[1]", "bigint") == seal, F.lit(False))


def _names(schema: DataType, of: type[DataType]) -> list[str]:
    """Names of the fields of this type, at any depth."""
    if isinstance(schema, ArrayType):
        return _names(schema.elementType, of)
    if not isinstance(schema, StructType):
        return []
    here = [field.name for field in schema if isinstance(field.dataType, of)]
    return sorted({*here, *(name for field in schema for name in _names(field.dataType, of))})


def _looks_odd() -> str:
    moments = _names(ATTEMPT, TimestampType)
    strings = "|".join([*_names(ATTEMPT, StringType), *moments])
    return "|".join(
        [
            rf'"(?:{strings})"\s*+:\s*+(?!["n])',  # a string field that holds neither a string nor null
            rf'"(?:{"|".join(moments)})"\s*+:\s*+"(?!{ISO_MOMENT}")',  # a moment of another shape; `from_json` would take many
            r"\\u00[2-7]",  # an escaped ASCII character may hide a field's name
        ]
    )


LOOKS_ODD = _looks_odd()


def is_sound() -> Column:
    """Whether a record is fit at first glance."""
    attempt = F.col("attempt")
    tests = [
        is_strict_json(F.col("document"), F.col("hash")),
        attempt[_CORRUPT.name].isNull(),
        ~F.col("text").rlike(LOOKS_ODD),
        ~is_blank(attempt["keen_id"]),
        *[attempt[name].isNull() | READERS[kind](attempt[name]).isNotNull() for name, kind in HELD_IN_TEXT.items()],
    ]
    return F.coalesce(reduce(Column.__and__, tests), F.lit(False))


# --- The judgement, for the suspects


def verdict() -> Column:
    """The first reason that applies with its detail, as STRUCT<reason, detail>; null for a record that is fit after all."""
    value, text, attempt = F.col("value"), F.col("text"), F.col("attempt")
    keen_id = F.try_variant_get("object", "$.keen_id", "string")
    strict = is_strict_json(F.col("document"), F.col("hash"))
    reasons = [
        ("not_utf8", text.isNull(), undecodable(value)),
        ("blank", is_blank(text), F.concat(F.length(value).cast("string"), F.lit(" bytes, nothing but white space"))),
        ("invalid_json", ~strict & ~is_json(text, F.col("hash")), syntax_problem(text, attempt)),
        ("not_an_object", ~text.rlike(r"^\s*\{"), F.concat(F.lit("a record is a JSON object, found "), text)),
        ("duplicate_key", ~strict, repeated_key(text)),
        ("missing_keen_id", is_blank(keen_id), F.concat(F.lit("keen_id: expected a string that is not blank, found "), quoted(keen_id))),
        ("wrong_type", F.col("wrong_type").isNotNull(), F.col("wrong_type")),
        ("unreadable_value", F.col("unreadable").isNotNull(), F.col("unreadable")),
        ("wrong_type", attempt[_CORRUPT.name].isNotNull(), F.lit("the record contradicts the written schema")),
    ]
    results = [(applies, F.struct(F.lit(reason).alias("reason"), detail.alias("detail"))) for reason, applies, detail in reasons]
    return reduce(lambda chain, result: chain.when(*result), results[1:], F.when(*results[0]))


def is_blank(text: Column) -> Column:
    """Null, empty, or white space of any script."""
    return text.isNull() | ~text.rlike(r"(?U)\S")


def undecodable(value: Column) -> Column:
    """The surroundings of the first bytes that are no UTF-8, with U+FFFD in their place."""
    near = F.regexp_extract(F.make_valid_utf8(value.cast("string")), "(?s).{0,40}\ufffd.{0,40}", 0)
    return F.concat(F.lit("bytes that are not UTF-8, shown as \ufffd: "), near)


def is_json(text: Column, seal: Column) -> Column:
    """Whether the text is one JSON value, repeated keys allowed. Jackson takes at most 1,000 levels and 1,000 digits."""
    schema = StructType([StructField("value", StringType()), StructField("seal", LongType()), _CORRUPT])
    sealed_object = F.concat(F.lit('{"value":'), text, F.lit(',"seal":'), seal.cast("string"), F.lit("}"))
    parsed = F.from_json(sealed_object, schema, _STRICT)
    return F.coalesce(parsed[_CORRUPT.name].isNull() & (parsed["seal"] == seal), F.lit(False))


def syntax_problem(text: Column, attempt: Column) -> Column:
    """Spark does not say where a parser stopped; but if it read an object, the fault is in what follows."""
    goes_on = attempt[_CORRUPT.name].isNull() & text.rlike(r"^\s*\{")
    ends = F.concat(F.lit("text after the end of the object; it ends in "), F.substring(text, -60, 60))
    return F.when(goes_on, ends).otherwise(F.concat(F.lit("not JSON: "), text))


def repeated_key(text: Column) -> Column:
    """Which key stands twice, if it does so in one of the record's outer objects."""
    outer = {"the record": "$", "sequences": "$.sequences", "sequences.counts": "$.sequences.counts"}
    named = [_repeated(F.json_object_keys(F.get_json_object(text, path)), where) for where, path in outer.items()]
    return F.coalesce(*named, F.lit("a key stands more than once in a nested object"))


def _repeated(keys: Column, where: str) -> Column:
    again = F.get(F.filter(keys, lambda key, i: F.array_position(keys, key) <= i), F.lit(0))
    return F.concat(F.lit("key "), again, F.lit(f" stands more than once in {where}"))


def quoted(text: Column) -> Column:
    return F.coalesce(F.concat(F.lit('"'), text, F.lit('"')), F.lit("nothing"))


# --- Field by field

Check = Callable[[Column, Column, Column], Column]
"""(path, value as VARIANT, what the schema says it holds or null if it says nothing) -> a sentence fragment, or null if all is well."""

_HOLDS: dict[type[DataType], str] = {
    StringType: "string",
    TimestampType: "moment",
    BooleanType: "boolean",
    IntegerType: "whole number",
    ArrayType: "array",
    StructType: "object",
}
_JSON_KIND = {"whole number": "BIGINT", "boolean": "BOOLEAN", "array": "ARRAY", "object": "OBJECT"}  # everything else is a STRING


def first_problem(record: str, check: Check) -> Column:
    """What `check` finds first in a VARIANT column, walking the record along the written schema."""
    return F.get(F.array_compact(problems(F.col(record), ATTEMPT, F.lit(""), check)), F.lit(0))


def problems(value: Column, schema: StructType, path: Column, check: Check) -> Column:
    """ARRAY<STRING>: what `check` says of the fields of an object and of all below them; a null for each that is well.

    One lambda per object, not one per field: planning a check of each of the 35 fields took Spark ten seconds.
    """
    holds = _literal_map({field.name: HELD_IN_TEXT.get(field.name, _HOLDS[type(field.dataType)]) for field in schema})
    entries = F.map_entries(F.try_variant_get(value, "$", "map<string,variant>"))
    here = F.transform(entries, lambda entry: check(F.concat(path, entry["key"]), entry["value"], F.try_element_at(holds, entry["key"])))
    below = [_below(value, field, F.concat(path, F.lit(field.name)), check) for field in schema]
    return F.concat(*[F.coalesce(each, F.array().cast("array<string>")) for each in [here, *below] if each is not None])


def _below(value: Column, field: StructField, path: Column, check: Check) -> Column | None:
    kind = field.dataType
    if isinstance(kind, StructType):
        return problems(F.try_variant_get(value, f"$.{field.name}", "variant"), kind, F.concat(path, F.lit(".")), check)
    if isinstance(kind, ArrayType):
        elements = F.try_variant_get(value, f"$.{field.name}", "array<variant>")
        return F.flatten(F.transform(elements, lambda one, i: _element(one, kind, F.format_string("%s[%d]", path, i), check)))
    return None


def _literal_map(pairs: Mapping[str, str]) -> Column:
    return F.create_map(*[F.lit(text) for pair in pairs.items() for text in pair])


def _element(value: Column, array: ArrayType, path: Column, check: Check) -> Column:
    assert isinstance(array.elementType, StructType)
    below = problems(value, array.elementType, F.concat(path, F.lit(".")), check)
    return F.concat(F.array(check(path, value, F.lit("object"))), below)


def type_problem(path: Column, value: Column, holds: Column) -> Column:
    """`sequences.counts.total: expected a whole number, found "four"`."""
    kind = F.regexp_extract(F.schema_of_variant(value), "^[A-Z]+", 0)
    wanted = F.coalesce(F.try_element_at(_literal_map(_JSON_KIND), holds), F.lit("STRING"))
    overflows = (holds == "whole number") & F.try_variant_get(value, "$", "int").isNull()
    contradicts = holds.isNotNull() & (kind != "VOID") & ((kind != wanted) | overflows)
    expected = F.when(wanted == "STRING", "string").otherwise(holds)
    return F.when(contradicts, F.concat(path, F.lit(": expected "), expected, F.lit(", found "), F.to_json(value)))


def reading_problem(path: Column, value: Column, holds: Column) -> Column:
    """`started_at: cannot be read as moment, found "yesterday"`."""
    text = F.try_variant_get(value, "$", "string")
    readings = [F.when(holds == kind, reader(text).isNull()) for kind, reader in READERS.items()]
    unreadable = text.isNotNull() & F.coalesce(*readings, F.lit(False))
    return F.when(unreadable, F.concat(path, F.lit(": cannot be read as "), holds, F.lit(", found "), F.to_json(value)))
