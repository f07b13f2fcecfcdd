"""Excerpts of augmented articles for pages: the beginning of a text, cut into segments with and without a name."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

_BOUNDARY = re.compile(r"\n|[.!?。！？؟۔।]['\"»”’)\]]*(?=\s|$)|[。！？]")
"""Ends of an excerpt: a line break, or the end of a sentence (Latin, Arabic, Indic and CJK punctuation)."""


@dataclass(frozen=True)
class Segment:
    """A run of text. Of an entity, `name` is its name in the pivot language."""

    text: str
    name: str | None = None


@dataclass(frozen=True)
class Excerpt:
    """The beginning of an article: the segments of each paragraph."""

    title: str
    paragraphs: tuple[tuple[Segment, ...], ...]
    num_entities: int
    """Named entities in the excerpt."""
    direction: str
    """`rtl` or `ltr`, for HTML's `dir`."""

    @property
    def is_prose(self) -> bool:
        """Whether this is prose, not a list: the median run without a name exceeds a separator (three code points)."""
        lengths = [len(segment.text) for paragraph in self.paragraphs for segment in paragraph if segment.name is None]
        return bool(lengths) and median(lengths) > 3


def pivot_name(entity: Mapping[str, Any], pivot: str) -> str | None:
    """The entity's name in the language `pivot`, if it has one."""
    return next((str(name["name"]) for name in entity["names"] if name["language"] == pivot), None)


def cut_length(text: str, entities: Sequence[Mapping[str, Any]], limit: int) -> int:
    """Length of the longest prefix of `text` that ends with a sentence or a line, at most `limit` code points.

    If no sentence or line ends in the second half of the limit, the cut is at `limit`, or before an entity that spans it.
    """
    if len(text) <= limit:
        return len(text)
    ends = [match.end() for match in _BOUNDARY.finditer(text, 0, limit)]
    if ends and ends[-1] >= limit // 2:
        return ends[-1]
    return min([limit, *(int(entity["start"]) for entity in entities if entity["start"] < limit < entity["end"])])


def make_excerpt(article: Mapping[str, Any], pivot: str, limit: int) -> Excerpt:
    """An excerpt of a row of `augmented` (title, text, entities), at most `limit` code points.

    >>> names = [{"language": "en", "name": "Duck", "source": "langlink"}]
    >>> row = {"title": "鴨", "text": "鴨は鳥。", "entities": [{"start": 0, "end": 1, "names": names}]}
    >>> make_excerpt(row, "en", 100).paragraphs
    ((Segment(text='鴨', name='Duck'), Segment(text='は鳥。', name=None)),)
    """
    length = cut_length(article["text"], article["entities"], limit)
    segments: list[Segment] = []
    position = 0
    for entity in article["entities"]:
        name = pivot_name(entity, pivot)
        if name is None or entity["end"] > length:
            continue
        segments.append(Segment(article["text"][position : entity["start"]]))
        segments.append(Segment(article["text"][entity["start"] : entity["end"]], name))
        position = entity["end"]
    segments.append(Segment(article["text"][position:length]))
    num_entities = sum(segment.name is not None for segment in segments)
    return Excerpt(article["title"], _paragraphs(segments), num_entities, text_direction(article["text"][:length]))


def text_direction(text: str) -> str:
    """`rtl` if most letters are written from right to left (Unicode bidirectional classes R and AL, against L), else `ltr`.

    HTML's `dir="auto"` looks at the first letter only, and Arabic articles often begin with a Latin name.

    >>> text_direction("NASA هي وكالة"), text_direction("NASA"), text_direction("")
    ('rtl', 'ltr', 'ltr')
    """
    classes = [unicodedata.bidirectional(character) for character in text]
    return "rtl" if classes.count("R") + classes.count("AL") > classes.count("L") else "ltr"


def _paragraphs(segments: Iterable[Segment]) -> tuple[tuple[Segment, ...], ...]:
    """Split segments without a name at line breaks and drop empty segments and paragraphs. Surfaces hold no line breaks."""
    paragraphs: list[list[Segment]] = [[]]
    for segment in segments:
        lines = [segment.text] if segment.name is not None else segment.text.split("\n")
        for number, line in enumerate(lines):
            if number:
                paragraphs.append([])
            if line:
                paragraphs[-1].append(Segment(line, segment.name))
    return tuple(tuple(paragraph) for paragraph in paragraphs if any(segment.text.strip() for segment in paragraph))


def best_excerpts(articles: Iterable[Mapping[str, Any]], count: int, pivot: str, limit: int) -> list[Excerpt]:
    """Excerpts of the `count` articles with the most named entities: prose before lists, ties by title.

    Keeps `count` + 1 excerpts in memory.
    """
    best: list[Excerpt] = []
    for article in articles:
        best.append(make_excerpt(article, pivot, limit))
        best.sort(key=lambda excerpt: (not excerpt.is_prose, -excerpt.num_entities, excerpt.title))
        del best[count:]
    return best
