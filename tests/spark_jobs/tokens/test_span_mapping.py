import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

import spark_jobs.tokens.span_mapping
from spark_jobs.tokens.span_mapping import MappedSpan, map_spans


def token_spans(text, offsets, spans, mapping):
    return [span.tokens for span in map_spans(text, offsets.__getitem__, len(offsets), spans, mapping)]


def test_doctests_pass() -> None:
    assert doctest.testmod(spark_jobs.tokens.span_mapping).failed == 0


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
        # neither has the third; the fourth begins after it
        ([(0, 6), (6, 8)], [(0, 2), (2, 4), (4, 6), (6, 8)], [(0, 1), None, None, (1, 2)]),
        # tokens without characters overlap no span
        ([(0, 2), (2, 2), (2, 4)], [(2, 4)], [(2, 3)]),
        # characters outside of all tokens have no token
        ([(0, 2), (4, 6)], [(2, 4)], [None]),
    ],
)
def test_overlap_maps_a_span_to_all_tokens_that_overlap_it(offsets, spans, expected) -> None:
    assert token_spans("x" * 8, offsets, spans, "overlap") == expected


@pytest.mark.parametrize(
    ("text", "offsets", "spans", "expected"),
    [
        ("", [], [], []),
        # first character inside a token; end inside a token
        ("abcd", [(0, 2), (2, 4)], [(1, 2), (2, 3)], [None, None]),
        # from one token up to another, and up to the end of the text
        ("abcd", [(0, 2), (2, 3), (3, 4)], [(0, 2), (2, 4)], [(0, 1), (1, 3)]),
        # a token that begins with a space begins one character later too, for starts and for ends
        ("ab cd ef", [(0, 2), (2, 5), (5, 8)], [(0, 2), (3, 5)], [(0, 1), (1, 2)]),
        ("ab cd ef", [(0, 2), (2, 5), (5, 8)], [(3, 6)], [(1, 2)]),
        # but not with two spaces, nor with another character
        ("ab  cd", [(0, 2), (2, 6)], [(4, 6)], [None]),
        ("ab-cd", [(0, 2), (2, 5)], [(3, 5)], [None]),
        # its end must be the beginning of a later token
        ("a b", [(0, 1), (1, 3)], [(1, 2)], [None]),
        # a token that is only a space does not count as the beginning of the next
        ("a 日本", [(0, 1), (1, 2), (2, 3), (3, 4)], [(2, 3)], [(2, 3)]),
        # of several tokens that begin at one character the first counts, for starts and for ends
        ("a𠮷b", [(0, 1), (1, 2), (1, 2), (1, 2), (2, 3)], [(0, 1), (1, 2)], [(0, 1), (1, 4)]),
        ("𠮷", [(0, 1), (0, 1)], [(0, 1)], [(0, 2)]),
        # a space with the first byte of a character comes before the character's other bytes
        ("a 𠮷b", [(0, 1), (1, 3), (2, 3), (3, 4)], [(2, 3)], [(1, 3)]),
        # no token begins at the end of the span, because the tokenizer drops the space
        ("ab cd", [(0, 2), (3, 5)], [(0, 2), (3, 5)], [None, (1, 2)]),
        # two links that meet inside a token are both lost
        ("abcd", [(0, 1), (1, 3), (3, 4)], [(0, 2), (2, 4)], [None, None]),
    ],
)
def test_exact_keeps_a_span_if_tokens_begin_at_its_ends(text, offsets, spans, expected) -> None:
    assert token_spans(text, offsets, spans, "exact") == expected


@pytest.mark.parametrize("mapping", ["overlap", "exact"])
def test_flags_do_not_depend_on_the_mapping(mapping) -> None:
    text, offsets = "a bcd ef", [(0, 1), (1, 4), (4, 6), (6, 8)]
    flags = [span[1:] for span in map_spans(text, offsets.__getitem__, 4, [(0, 1), (2, 3), (3, 5), (5, 7), (7, 8)], mapping)]
    assert flags == [
        (False, False, False),
        (False, True, False),  # "b" of " bcd": it begins after the space of the token
        (True, True, True),  # "cd", but "d" is in the next token, which ends after the space
        (True, True, True),
        (True, False, True),
    ]


@st.composite
def tokenised_texts(draw):
    """A text, tokens as tokenizers produce them (byte tokens, overlaps, gaps, empty tokens), and spans."""
    offsets, position = [], 0
    for kind, length in draw(st.lists(st.tuples(st.sampled_from("ttttbogn"), st.integers(1, 4)), max_size=25)):
        if kind == "b":  # bytes of one character
            offsets += [(position, position + 1)] * length
            position += 1
        elif kind == "g":
            position += length
        elif kind == "n":
            offsets.append((position, position))
        else:  # a token that may overlap the last character of the previous one; starts never decrease
            previous_start = offsets[-1][0] if offsets else 0
            offsets.append((max(previous_start, position - (kind == "o")), position + length))
            position += length
    text = draw(st.text("a ", min_size=position, max_size=position))
    spans, end = [], 0
    for gap, length in draw(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5)), max_size=12)):
        spans.append((end + gap, end + gap + length))
        end += gap + length
    return text, offsets, [span for span in spans if span[1] <= len(text)]


def reference_overlap(text, offsets, spans):
    taken, found = 0, []
    for start, end in spans:
        touching = [i for i, (a, b) in enumerate(offsets) if a < end and b > start]
        left = [i for i in touching if i >= taken]
        found.append((left[0], left[-1] + 1) if left else None)
        taken = max([taken, *(i + 1 for i in touching)])
    return found


def reference_exact(text, offsets, spans):
    """The paper's rule with dictionaries from characters to tokens."""
    begins: dict[int, int] = {}
    for token, (start, end) in enumerate(offsets):
        if start < end:
            begins.setdefault(start, token)
        if start + 1 < end and text[start] == " ":
            begins.setdefault(start + 1, token)
    ends = begins | {len(text): len(offsets)}
    found = [(begins.get(start), ends.get(end)) for start, end in spans]
    return [(a, b) if a is not None and b is not None and a < b else None for a, b in found]


def is_inside(text, offsets, position):
    return any(a < position < b and not (a + 1 == position and text[a] == " ") for a, b in offsets)


@given(tokenised_texts())
def test_spans_equal_those_of_a_slow_reference(drawn) -> None:
    text, offsets, spans = drawn
    previous_end = 0
    by_overlap = map_spans(text, offsets.__getitem__, len(offsets), spans, "overlap")
    exactly = map_spans(text, offsets.__getitem__, len(offsets), spans, "exact")
    assert [span.tokens for span in by_overlap] == reference_overlap(text, offsets, spans)
    assert [span.tokens for span in exactly] == reference_exact(text, offsets, spans)
    for (start, end), one, other in zip(spans, by_overlap, exactly, strict=True):
        shares = any(a < previous_end and b > start for a, b in offsets)
        assert one[1:] == other[1:] == (is_inside(text, offsets, start), is_inside(text, offsets, end), shares)
        previous_end = end


@pytest.mark.parametrize("mapping", ["overlap", "exact"])
@given(drawn=tokenised_texts())
def test_token_spans_are_sorted_disjoint_and_not_empty(drawn, mapping) -> None:
    text, offsets, spans = drawn
    bounds = [bound for span in token_spans(text, offsets, spans, mapping) if span for bound in span]
    assert bounds == sorted(bounds)
    assert all(start < end for start, end in zip(bounds[::2], bounds[1::2], strict=True))


def test_map_spans_reads_few_offsets() -> None:
    asked = []

    def offset_of(token: int) -> tuple[int, int]:
        asked.append(token)
        return 3 * token, 3 * token + 3

    spans = [(start, start + 6) for start in range(30_000, 3_000_000, 30_000)]
    found = map_spans("", offset_of, 1_000_000, spans, "overlap")
    assert found == [MappedSpan((start // 3, end // 3), False, False, False) for start, end in spans]
    assert len(asked) < 40 * len(spans)
