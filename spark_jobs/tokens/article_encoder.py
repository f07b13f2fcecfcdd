"""One article to tokens, entity spans and name tokens, for one tokenizer and one span mapping.

A name is tokenised alone, so SentencePiece adds a leading `▁`, as in the paper's code. Names were cleaned when `augmented` was
written (`wikis/title_cleaning.py`). The paper's code removed every `(…)` of a title; ours removes the balanced parenthetical at
the end after a space (full-width ones need no space), so `Iron(III)` stays whole. The paper's code dropped titles that begin with
`List of` or an English namespace; ours drops titles of lists in the pivot language, titles in the namespaces of its Wikipedia,
and sections (`A#b`).
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, cast

from tokenizers import Tokenizer

from spark_jobs.tokens.span_mapping import MappedSpan, OffsetOf, SpanMapping, map_spans

ENTITY_COUNTERS = {
    "entities_that_begin_inside_a_token": "the token before the entity's first character continues into the entity",
    "entities_that_end_inside_a_token": "the token of the entity's last character continues after the entity",
    "entities_that_share_a_token": "the entity shares a token with the entity before it",
    "entities_without_token": "dropped: the span mapping found no token",
    "names_without_token": "dropped: the name has no token in this tokenizer",
}
"""Counters of an article's entities. The first three are the same for every span mapping and do not depend on whether the entity
was kept. The last two are disjoint; with the entities of the row they add up to all entities."""

_CACHED_NAMES = 2**16


class Entity(NamedTuple):
    """An entity of an article: its span in code points, and its name in the pivot language."""

    start: int
    end: int
    name: str


class EncodedArticle(NamedTuple):
    """A row of `encoded`, with the name tokens per entity, and the values of `ENTITY_COUNTERS`."""

    input_ids: list[int]
    entity_start: list[int]
    entity_end: list[int]
    name_ids: list[list[int]]
    counts: Mapping[str, int]


class ArticleEncoder:
    """Encodes articles with one tokenizer and one span mapping. Caches the tokens of names: use one encoder for many articles."""

    def __init__(self, tokenizer: Tokenizer, span_mapping: SpanMapping = "overlap") -> None:
        """`tokenizer` must come from `TokenizerSource.load`."""
        self._tokenizer = tokenizer
        self._span_mapping = span_mapping
        self._name_ids = lru_cache(_CACHED_NAMES)(self._tokenise)

    def _tokenise(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def encode(self, text: str, entities: Sequence[Entity]) -> EncodedArticle:
        """Encode `text` and the entities that have tokens. `entities` are sorted and disjoint, with non-empty spans.

        For text "Ein Stein" with the tokens "Ein", " St", "ein" and the entity (4, 9, "A stone"): entity_start [1],
        entity_end [3], name_ids [the tokens of "A stone"].
        """
        # One text at a time: the tokenizer would run a batch on all cores, but a Spark task has one.
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        ids: list[int] = encoding.ids
        counts = dict.fromkeys(ENTITY_COUNTERS, 0)
        article = EncodedArticle(ids, [], [], [], counts)
        if not entities:
            return article
        # Reading all offsets costs a third of the encoding itself, so they are read one by one, only where spans end.
        spans = [(entity.start, entity.end) for entity in entities]
        offset_of = cast(OffsetOf, encoding.token_to_chars)  # None only for indices out of range
        mapped = map_spans(text, offset_of, len(ids), spans, self._span_mapping)
        for entity, span in zip(entities, mapped, strict=True):
            _count_ends(span, counts)
            if span.tokens is None:
                counts["entities_without_token"] += 1
            elif not (name_ids := self._name_ids(entity.name)):
                counts["names_without_token"] += 1
            else:
                article.entity_start.append(span.tokens[0])
                article.entity_end.append(span.tokens[1])
                article.name_ids.append(name_ids)
        return article


def _count_ends(span: MappedSpan, counts: dict[str, int]) -> None:
    counts["entities_that_begin_inside_a_token"] += span.begins_inside
    counts["entities_that_end_inside_a_token"] += span.ends_inside
    counts["entities_that_share_a_token"] += span.shares
