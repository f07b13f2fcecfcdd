"""Narrow columns of documents that do not exist, and rules for them."""

import numpy as np

from training.data.narrow_columns import Documents
from training.data.prefix_sums import prefix_sums
from training.stream.stream_rules import StreamRules

RULES = StreamRules(
    seed=3,
    sequence_length=16,
    global_batch_size=6,
    slots=3,
    shuffle_window=2,
    strategy="right",
    probability=0.5,
    tags=(98, 99),
    bos=1,
    eos=None,
    predict_names=True,
)


def documents(count: int = 50, seed: int = 0, groups: int = 6, wiki: str = "jawiki") -> Documents:
    rng = np.random.default_rng(seed)
    links = rng.integers(0, 5, count)
    return Documents(
        wiki=wiki,
        fingerprint=f"{wiki} {count} {seed}",
        page_id=np.arange(count),
        num_tokens=rng.integers(0, 40, count).astype(np.int32),
        row_group_offsets=np.unique(np.concatenate([[0], rng.integers(0, count, groups), [count]])),
        link_offsets=prefix_sums(links),
        span_lengths=rng.integers(1, 4, int(links.sum())).astype(np.uint16),
        name_lengths=rng.integers(1, 4, int(links.sum())).astype(np.uint16),
    )


def even_documents(count: int, links: int, in_group: int, seed: int = 0) -> Documents:
    """Row groups of `in_group` documents of about 400 tokens and `links` links each."""
    rng = np.random.default_rng(seed)
    return Documents(
        wiki="jawiki",
        fingerprint=f"even {count} {links} {seed}",
        page_id=np.arange(count),
        num_tokens=rng.integers(0, 800, count).astype(np.int32),
        row_group_offsets=np.arange(0, count + 1, in_group),
        link_offsets=np.arange(0, count * links + 1, links),
        span_lengths=np.ones(count * links, dtype=np.uint16),
        name_lengths=rng.integers(1, 8, count * links).astype(np.uint16),
    )
