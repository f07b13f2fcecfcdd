"""Figures of a corpus in tokens: articles, links, and the share of names that insertion is expected to add."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from rich.table import Table

from training.stream.token_stream import Stream


class CorpusFigures(NamedTuple):
    """A wiki of a corpus in tokens."""

    wiki: str
    share: float
    """Of the sequences."""
    articles: int
    tokens: int
    """Of the text, before insertion."""
    links: int
    """Links with a name in the pivot language."""
    insertable: int
    """Those of them whose text and whose name have tokens."""
    inserted_share: float
    """Expected share of names and tags in all tokens of the stream."""


def compute_corpus_figures(stream: Stream) -> list[CorpusFigures]:
    """The figures of each wiki, all articles counted.

    With p the probability, n the tokens of all names and tags, r those of replaced text and t all tokens before insertion (BOS
    and EOS included), the inserted share is p n / (t + p (n - r)).
    """
    rules = stream.rules
    p = 0.0 if rules.strategy == "none" else rules.probability
    rows = []
    for wiki, share in zip(stream.corpus.wikis, stream.plan.shares, strict=True):
        d = wiki.documents
        tokens, insertable = int(d.num_tokens.sum(dtype=np.int64)), len(d.name_lengths)
        added = int(d.name_lengths.sum(dtype=np.int64)) + rules.num_tags * insertable
        replaced = int(d.span_lengths.sum(dtype=np.int64)) if rules.strategy == "replace" else 0
        expected = tokens + rules.frame * len(d.page_id) + p * (added - replaced)
        lost = sum(wiki.counters.get(name, 0) for name in ("entities_without_token", "names_without_token"))
        share_of_names = p * added / expected if expected else 0.0
        rows.append(CorpusFigures(d.wiki, float(share), len(d.page_id), tokens, insertable + lost, insertable, share_of_names))
    return rows


def figures_table(rows: Sequence[CorpusFigures]) -> Table:
    """The figures as a table."""
    table = Table(title="the corpus in tokens")
    headers = ("wiki", "of the sequences", "articles", "tokens", "links with a name", "insertable", "expected inserted share")
    for header in headers:
        table.add_column(header, justify="left" if header == "wiki" else "right")
    for row in rows:
        insertable = f"{row.insertable:,} ({row.insertable / row.links:.1%})" if row.links else "0"
        table.add_row(
            row.wiki,
            f"{row.share:.2%}",
            f"{row.articles:,}",
            f"{row.tokens:,}",
            f"{row.links:,}",
            insertable,
            f"{row.inserted_share:.2%} of tokens",
        )
    return table
