"""Which links get their name: one rule for the training stream and for rendered text.

A link is drawn by itself, `uniform(hash(seed, epoch, wiki, page_id, j)) < probability`, so that what is chosen does not depend on
the order of documents, on shards, tasks or ranks. `j` counts the links of a page from 0, in order, and only those that can get a
name where the rule is applied:

    rendered text      the entities of `augmented` that have a name in the pivot language
    training stream    the entities of `encoded`: the same, less those without a token of their own or without a token in their
                       name (the counters `entities_without_token` and `names_without_token` of `encoded`)

Where a page has lost none to its tokenizer, both choose the same links for the same seed and epoch. Imports nothing of Spark's.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

from spark_jobs.common.stateless_random import fold, mix, text_key, uniform

Ints = npt.NDArray[np.integer]
Bools = npt.NDArray[np.bool_]

Strategy = Literal["left", "right", "replace", "none"]
"""Where the name of a chosen link goes: before the link's text, behind it, in its place, or nowhere."""


def choose(*, seed: int, epoch: int, wiki: str, page_id: Ints, link_offsets: Ints, probability: float) -> Bools:
    """Which links get their name in an epoch: link j of a page when uniform(hash(seed, epoch, wiki, page_id, j)) < probability.

    Args:
        seed: of the run.
        epoch: 0 for the first pass over the data.
        wiki: that the documents are of.
        page_id: [documents].
        link_offsets: [documents + 1]; j counts from 0 in each document.
        probability: 0 chooses none, 1 chooses all.

    Returns:
        [links] bool. The draw for a link does not depend on any other document, nor on the order of documents.

    Pages 7 and 9 have three links and one; alone, page 9 gets what it gets beside page 7.

    >>> rule = {"seed": 3, "epoch": 0, "wiki": "jawiki", "probability": 0.5}
    >>> choose(page_id=np.array([7, 9]), link_offsets=np.array([0, 3, 4]), **rule).tolist()
    [False, True, False, True]
    >>> choose(page_id=np.array([9]), link_offsets=np.array([0, 1]), **rule).tolist()
    [True]
    """
    size = int(link_offsets[-1] - link_offsets[0])
    if probability in (0.0, 1.0):
        return np.full(size, probability == 1.0)
    document_key = fold(fold(fold(mix(seed), epoch), text_key(wiki)), page_id)
    counts = np.diff(link_offsets)
    j = np.arange(size) - np.repeat(link_offsets[:-1] - link_offsets[0], counts)
    return uniform(fold(np.repeat(document_key, counts), j)) < probability
