"""The hash of a record's bytes, and the content hash: one number for a set of records, in whatever order they are counted.

A record's hash is xxh64 with the seed below over its bytes; Spark's `xxhash64(value)` gives the same number, signed. A content hash is the
sum of the records' hashes mod 2^64, written as 16 hex digits: a record more, less or twice gives another one. Source, Kafka, Spark and HDFS
each work it out by themselves, and a landing is proven by their being equal.
"""

from collections.abc import Iterable

import xxhash

SEED = 42  # what Spark's xxhash64 uses
MODULUS = 2**64
ZERO = "0" * 16  # of no record


def of_record(value: bytes | memoryview) -> int:
    """The hash of a record's bytes, not signed."""
    return xxhash.xxh64_intdigest(value, SEED)


def signed(record_hash: int) -> int:
    """The hash as Spark and the tables have it: from -2^63 on."""
    return record_hash - MODULUS if record_hash >= MODULUS // 2 else record_hash


def unsigned(record_hash: int) -> int:
    """The hash as `of_record` returns it, of one that the tables have."""
    return record_hash % MODULUS


def number(content_hash: str) -> int:
    """The sum that a content hash is written for."""
    return int(content_hash, 16)


def total(hashes: Iterable[int]) -> str:
    """The content hash of records with these hashes, signed or not; sums of hashes may be among them."""
    return f"{sum(hashes) % MODULUS:016x}"


def together(content_hashes: Iterable[str]) -> str:
    """The content hash of several sets of records together."""
    return total(map(number, content_hashes))
