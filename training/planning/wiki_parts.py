"""The part of each wiki in a run: sequences and tokens exactly, epochs, links and names as expectations.

The length of an epoch depends on which links get their name, and every epoch draws again.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.stream.held_out_articles import is_held_out
from training.stream.source_mixture import Mixture
from training.stream.token_stream import Stream
from training.stream.wiki_plan import WikiPlan

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True)
class WikiPart:
    """A wiki's part in a run."""

    wiki: str
    sequences: int
    """Exact, over all steps."""
    tokens: int
    """Exact: sequences x sequence length, names, tags, BOS and EOS included."""
    share: float
    """Of all tokens."""
    articles: int
    """Articles that are not held out."""
    epoch_tokens: float
    """Expected tokens of one pass over the articles, names included."""
    epochs: float
    """Expected passes."""
    links_seen: float
    """Expected links with a name, counted once in each epoch."""
    names_inserted: float
    """Expected names in the text."""


def expected_wiki_parts(stream: Stream, steps: int) -> Iterator[WikiPart]:
    """Each wiki's part in the first `steps` batches.

    With p the probability, n the tokens of all names and tags, r those of replaced text and t all tokens before insertion (BOS
    and EOS included), an epoch is expected to have t + p (n - r) tokens.
    """
    rules = stream.rules
    p = 0.0 if rules.strategy == "none" else rules.probability
    counts = sequences_of_wikis(stream.plan.mixture, rules.slots, steps * rules.global_batch_size // rules.slots)
    for plan, sequences in zip(stream.plan.wikis, counts.tolist(), strict=True):
        articles, links, names, spans = _totals_in_stream(plan)
        grown = names + rules.num_tags * links - (spans if rules.strategy == "replace" else 0)
        epoch_tokens = plan.tokens + p * grown
        tokens = sequences * rules.sequence_length
        epochs = tokens / epoch_tokens if epoch_tokens else 0.0
        yield WikiPart(
            wiki=plan.documents.wiki,
            sequences=sequences,
            tokens=tokens,
            share=tokens / (steps * rules.global_batch_size * rules.sequence_length),
            articles=articles,
            epoch_tokens=epoch_tokens,
            epochs=epochs,
            links_seen=epochs * links,
            names_inserted=epochs * links * p,
        )


def _totals_in_stream(plan: WikiPlan) -> tuple[int, int, int, int]:
    """(articles, links, tokens of their names, tokens of their texts) without held-out articles."""
    d, held_out = plan.documents, plan.rules.held_out
    articles, names, spans = d.page_id, d.name_lengths, d.span_lengths
    if held_out:
        kept = ~is_held_out(d.wiki, d.page_id, held_out)
        links = np.repeat(kept, np.diff(d.link_offsets))
        articles, names, spans = articles[kept], names[links], spans[links]
    return len(articles), len(names), int(names.sum(dtype=np.int64)), int(spans.sum(dtype=np.int64))


def sequences_of_wikis(mixture: Mixture, slots: int, in_slot: int) -> Int64s:
    """[wikis] sequences of each wiki among the first `in_slot` of every slot: whole periods, and the rest of the last one.

    >>> sequences_of_wikis(Mixture(np.array([2, 1]), slots=2), slots=2, in_slot=4).tolist()  # a b a | a   and   b a a | b
    [5, 3]
    """
    periods, rest = divmod(in_slot, mixture.period)
    wiki, _ = mixture.locate(np.arange(slots)[:, None], np.arange(rest))
    counts: Int64s = slots * periods * mixture.quota + np.bincount(wiki.ravel(), minlength=len(mixture.quota))
    return counts
