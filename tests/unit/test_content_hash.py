"""The content hash, by numbers that were worked out elsewhere."""

from include import content_hash


def test_a_record_hashes_as_in_spark() -> None:
    assert content_hash.signed(content_hash.of_record(b"ABC")) == 4105715581806190027  # select xxhash64('ABC')


def test_a_hash_comes_back_from_its_sign() -> None:
    for unsigned, signed in ((0, 0), (2**63 - 1, 2**63 - 1), (2**63, -(2**63)), (2**64 - 1, -1)):
        assert content_hash.signed(unsigned) == signed
        assert content_hash.unsigned(signed) == unsigned


def test_a_total_is_of_signed_and_unsigned_hashes_the_same() -> None:
    hashes = [content_hash.of_record(value) for value in (b"A", b"B", b"C", b"ABC")]
    assert content_hash.total(map(content_hash.signed, hashes)) == content_hash.total(hashes) == content_hash.total([sum(hashes)])
    assert content_hash.total([]) == content_hash.ZERO
    assert content_hash.total([-1]) == "f" * 16


def test_sets_of_records_together_are_all_their_records() -> None:
    hashes = [content_hash.of_record(value) for value in (b"A", b"B", b"A")]
    assert content_hash.together([content_hash.total(hashes[:1]), content_hash.total(hashes[1:])]) == content_hash.total(hashes)
