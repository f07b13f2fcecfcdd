"""The identity of a vocabulary."""

import hashlib

import pytest

from spark_jobs.contract.vocabulary_hash import vocabulary_sha256


@pytest.mark.parametrize(
    ("vocabulary", "size", "lines"),
    [
        ({}, 0, ""),
        ({"a": 0, "b": 1}, 0, ""),
        ({"b": 1, "a": 0}, 2, "0\ta\n1\tb\n"),
        ({"<t>": 2, "日": 1, "a": 0}, 2, "0\ta\n1\t日\n"),
        ({"a": 0, "c": 5}, 10, "0\ta\n5\tc\n"),
    ],
)
def test_tokens_below_the_size_count_in_the_order_of_their_ids(vocabulary: dict[str, int], size: int, lines: str) -> None:
    assert vocabulary_sha256(vocabulary, size) == hashlib.sha256(lines.encode()).hexdigest()
