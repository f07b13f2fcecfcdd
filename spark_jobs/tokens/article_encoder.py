"""One article to tokens, entity spans and name tokens: pure, of a tokenizer and a span mapping.

A name is tokenised alone, so SentencePiece gives it a leading `▁` of its own, as in the paper's code. The names were cleaned
when `augmented` was made (`wikis/names.py`), and there they differ from the paper's, which removed every `(…)` of a title. Ours
loses the balanced parenthetical at its end, if a space stands before it (full-width ones need none): `Iron(III)` stays whole. The
paper's code dropped titles that begin with `List of` or an English namespace; ours drops what the pivot language calls lists,
the namespaces of its own Wikipedia, and sections (`A#b`).
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, cast

from tokenizers import Tokenizer

from spark_jobs.tokens.span_mapping import MappedSpan, OffsetOf, SpanMapping, map_spans

ENTITY_COUNTERS = {
    "entities_that_begin_inside_a_token": "the token before the entity's first character goes on into it",
    "entities_that_end_inside_a_token": "the token of the entity's last character goes on behind it",
    "entities_that_share_a_token": "the entity meets the one before it inside a token",
    "entities_without_token": "left out: the span mapping gave no token",
    "names_without_token": "left out: the name has no token in this tokenizer",
}
"""What is counted of an article's entities. The first three are the same for every span mapping and say nothing of what became of
the entity; the last two are disjoint, and with the entities that are in the row they make all entities."""

_REMEMBERED_NAMES = 2**16


class Entity(NamedTuple):
    """An entity of an article: its span in code points, and its name in the pivot language."""

    start: int
    end: int
    name: str


class EncodedArticle(NamedTuple):
    """A row of `encoded`, with the name tokens entity by entity, and how often each of `ENTITY_COUNTERS` came up."""

    input_ids: list[int]
    entity_start: list[int]
    entity_end: list[int]
    name_ids: list[list[int]]
    counts: Mapping[str, int]


class ArticleEncoder:
    """Encodes articles with one tokenizer and one span mapping. Remembers the tokens of names, so keep it for many articles."""

    def __init__(self, tokenizer: Tokenizer, span_mapping: SpanMapping = "overlap") -> None:
        """`tokenizer` as `TokenizerSource.load` gives it."""
        self._tokenizer = tokenizer
        self._span_mapping = span_mapping
        self._name_ids = lru_cache(_REMEMBERED_NAMES)(self._ids)

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def encode(self, text: str, entities: Sequence[Entity]) -> EncodedArticle:
        """The tokens of `text`, and the entities that have tokens; `entities` are sorted, disjoint and not empty.

        For text "Ein Stein" with the tokens "Ein", " St", "ein" and the entity (4, 9, "A stone"): entity_start [1],
        entity_end [3], name_ids [the tokens of "A stone"].
        """
        # One text at a time: the tokenizer would spread a batch over all cores, and a Spark task has one.
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        ids: list[int] = encoding.ids
        counts = dict.fromkeys(ENTITY_COUNTERS, 0)
        article = EncodedArticle(ids, [], [], [], counts)
        if not entities:
            return article
        # All offsets at once cost as much as a third of the encoding itself: they are asked for one by one, where spans end.
        spans = [(entity.start, entity.end) for entity in entities]
        offset_of = cast(OffsetOf, encoding.token_to_chars)  # None only for indices that are no token's
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
