"""Where the names of an article's links go: left or right of the link's text, or in its place. A pure function."""

from collections.abc import Sequence

from spark_jobs.common.link_sampling import Strategy
from spark_jobs.tokens.article_encoder import Entity


def render_article(text: str, entities: Sequence[Entity], strategy: Strategy, tags: tuple[str, str] | None) -> str:
    """The text with the names of all `entities`, which are sorted, disjoint and not empty.

    >>> duck = [Entity(0, 4, "鴨")]
    >>> [render_article("Duck swims", duck, strategy, ("<", ">")) for strategy in ("left", "right", "replace", "none")]
    ['<鴨>Duck swims', 'Duck<鴨> swims', '<鴨> swims', 'Duck swims']
    """
    if strategy == "none":
        return text
    opening, closing = tags or ("", "")
    parts = []
    position = 0
    for start, end, name in entities:
        block = f"{opening}{name}{closing}"
        surface = text[start:end]
        parts += [text[position:start], {"left": block + surface, "right": surface + block, "replace": block}[strategy]]
        position = end
    return "".join([*parts, text[position:]])
