"""Spans of characters to spans of tokens, by overlap.

Tokenizers do not respect links: a token may begin before a link and end in it; the byte tokens of one character all carry
that character's span; a `▁` before Japanese text overlaps the character after it. So a span becomes every token that shares
at least one code point with it, and equality of offsets is never asked for.
"""

from collections.abc import Sequence


def token_spans(offsets: Sequence[tuple[int, int]], spans: Sequence[tuple[int, int]]) -> list[tuple[int, int] | None]:
    """For each span of code points the span of token indices that overlaps it, end-exclusive; None if it gets no token.

    `offsets` are the tokens' own spans, in order, end-exclusive, possibly overlapping or empty (special pieces); `spans` are
    sorted, disjoint and not empty. Linear in both. The result is sorted and disjoint: a token that overlaps two spans that
    meet belongs to the first, and a span whose only tokens are taken so gets None.

    >>> token_spans([(0, 1), (1, 3), (3, 4)], [(0, 2), (2, 4)])
    [(0, 2), (2, 3)]
    >>> token_spans([(0, 4)], [(0, 2), (2, 4)])
    [(0, 1), None]
    """
    result: list[tuple[int, int] | None] = []
    token = 0  # first token that is not taken and may overlap this span or a later one
    for start, end in spans:
        while token < len(offsets) and offsets[token][1] <= start:
            token += 1
        first = token
        while token < len(offsets) and offsets[token][0] < end:
            token += 1
        result.append((first, token) if token > first else None)
    return result
