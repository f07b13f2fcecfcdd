"""Character spans to token spans: by overlap, or exactly as in the paper's code.

Tokenizers ignore links: a token may begin before a link and end in it; the byte tokens of one character all have the span of
that character; a `▁` before Japanese text overlaps the character after it.

    overlap  A span becomes all tokens that share at least one code point with it, including tokens that extend beyond its ends.
             A token over two adjacent spans belongs to the first. A span gets no token if earlier spans have all of its tokens.
    exact    A span is kept if it begins where a token begins, and ends where a later token begins or where the text ends. It
             becomes the tokens between these two. If several tokens begin at one character (byte tokens), the first counts. A
             token that begins with a space and has more characters also counts as beginning after the space. (A token that is
             only a space does not: the next token begins there itself.)
"""

from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

SpanMapping = Literal["overlap", "exact"]
OffsetOf = Callable[[int], tuple[int, int]]


class MappedSpan(NamedTuple):
    """The tokens of a span, and three flags about its ends, which are the same for both mappings."""

    tokens: tuple[int, int] | None
    """Token indices, end-exclusive; None if the span has no token."""
    begins_inside: bool
    """Whether the span begins inside a token: after its first character, or after its second if the first is a space."""
    ends_inside: bool
    """Whether the span ends inside a token, with the same rule."""
    shares: bool
    """Whether the first token of the span also overlaps the previous span."""


def map_spans(
    text: str, offset_of: OffsetOf, tokens: int, spans: Iterable[tuple[int, int]], mapping: SpanMapping
) -> list[MappedSpan]:
    """Map each span of code points in `text`.

    `offset_of(i)` is the character span of token `i`, end-exclusive; `tokens` is the number of tokens. Neither starts nor ends of
    tokens decrease, but tokens may overlap and be empty. `spans` are sorted, disjoint and not empty, and so are the token spans
    of the result. Calls `offset_of` O(log(tokens between two spans)) times per span.

    >>> offsets = [(0, 1), (1, 3), (3, 4)]
    >>> [span.tokens for span in map_spans("abcd", offsets.__getitem__, 3, [(0, 2), (2, 4)], "overlap")]
    [(0, 2), (2, 3)]
    >>> [span.tokens for span in map_spans("abcd", offsets.__getitem__, 3, [(0, 2), (3, 4)], "exact")]
    [None, (2, 3)]
    """
    mapped: list[MappedSpan] = []
    behind = 0  # first token that ends after the start of the span
    taken = 0  # first token that no earlier span overlaps
    previous_end = 0
    for start, end in spans:
        reach = 1 + (start - previous_end) * tokens // (len(text) + 1)
        behind = _first_that_ends_behind(start, offset_of, tokens, behind, reach)
        behind_end = _first_that_ends_behind(end, offset_of, tokens, behind, 1)
        begin = offset_of(behind)[0] if behind < tokens else end
        begin_end = last_begin = offset_of(behind_end)[0] if behind_end < tokens else end
        last = behind_end
        while last_begin < end:
            last += 1
            last_begin = offset_of(last)[0] if last < tokens else end
        while last > behind and offset_of(last - 1)[0] >= end:  # empty tokens at the end
            last -= 1
        tokens_of: tuple[int, int] | None
        if mapping == "overlap":
            first = max(behind, taken)
            tokens_of = (first, last) if first < last else None
        else:
            tokens_of = _map_exactly(text, offset_of, tokens, (start, end), (behind, behind_end))
        begins_inside = begin < start and not _begins_with_space(text, begin, start)
        ends_inside = begin_end < end and not _begins_with_space(text, begin_end, end)
        mapped.append(MappedSpan(tokens_of, begins_inside, ends_inside, begin < previous_end))
        taken, previous_end, behind = max(taken, last), end, behind_end
    return mapped


def _first_that_ends_behind(position: int, offset_of: OffsetOf, tokens: int, low: int, step: int) -> int:
    """First token from `low` on that ends after `position`, or `tokens`. Searches with doubling steps, then by bisection."""
    high = low
    while high < tokens and offset_of(high)[1] <= position:
        low, high, step = high + 1, high + step, 2 * step
    high = min(high, tokens)
    while low < high:
        middle = (low + high) // 2
        if offset_of(middle)[1] <= position:
            low = middle + 1
        else:
            high = middle
    return low


def _begins_with_space(text: str, start: int, position: int) -> bool:
    return start + 1 == position and text[start : start + 1] == " "


def _map_exactly(
    text: str, offset_of: OffsetOf, tokens: int, span: tuple[int, int], behind: tuple[int, int]
) -> tuple[int, int] | None:
    """The exact mapping of a span; `behind` holds the first tokens that end after its start and after its end."""
    first = _first_that_begins_at(span[0], text, offset_of, tokens, behind[0])
    last = tokens if span[1] == len(text) else _first_that_begins_at(span[1], text, offset_of, tokens, behind[1])
    return (first, last) if first is not None and last is not None and first < last else None


def _first_that_begins_at(position: int, text: str, offset_of: OffsetOf, tokens: int, behind: int) -> int | None:
    """First token that begins at `position`, or None. `behind` is the first token that ends after `position`."""
    for token in range(behind, tokens):
        start = offset_of(token)[0]
        if start > position:
            return None
        if start == position or _begins_with_space(text, start, position):
            return token
    return None
