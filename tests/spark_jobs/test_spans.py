import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

import spark_jobs.spans
from spark_jobs.spans import token_spans


def test_the_worked_examples_hold() -> None:
    assert doctest.testmod(spark_jobs.spans).failed == 0


@pytest.mark.parametrize(
    ("offsets", "spans", "expected"),
    [
        ([], [(0, 1)], [None]),
        ([(0, 3)], [], []),
        # a space-prefixed piece begins one character before the link
        ([(0, 2), (2, 5), (5, 8)], [(3, 8)], [(1, 3)]),
        # a lone ▁ carries the span of the character after it
        ([(0, 1), (0, 1), (1, 2)], [(0, 2)], [(0, 3)]),
        # the byte tokens of one character all carry that character's span
        ([(0, 1), (0, 1), (0, 1), (1, 2)], [(0, 1), (1, 2)], [(0, 3), (3, 4)]),
        # a token over two links that meet belongs to the first
        ([(0, 1), (1, 3), (3, 4)], [(0, 2), (2, 4)], [(0, 2), (2, 3)]),
        # and the second has none if that was its only token
        ([(0, 4)], [(0, 2), (2, 4)], [(0, 1), None]),
        # tokens without characters overlap nothing
        ([(0, 2), (2, 2), (2, 4)], [(2, 4)], [(2, 3)]),
    ],
)
def test_a_span_becomes_every_token_that_overlaps_it(offsets, spans, expected) -> None:
    assert token_spans(offsets, spans) == expected


@given(st.lists(st.integers(1, 4), max_size=30), st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5)), max_size=12))
def test_token_spans_are_sorted_disjoint_and_as_large_as_can_be(lengths: list[int], gaps: list[tuple[int, int]]) -> None:
    ends = [sum(lengths[: i + 1]) for i in range(len(lengths))]
    offsets = list(zip([0, *ends], ends, strict=False))
    spans, position = [], 0
    for gap, length in gaps:
        spans.append((position + gap, position + gap + length))
        position += gap + length
    taken = 0
    for (start, end), found in zip(spans, token_spans(offsets, spans), strict=True):
        overlapping = [i for i, (a, b) in enumerate(offsets) if a < end and b > start and i >= taken]
        assert found == ((overlapping[0], overlapping[-1] + 1) if overlapping else None)
        taken = found[1] if found else taken
