"""The rule that chooses the links which get their name, shared by the training stream and `spark_jobs.render`.

Each link has an independent draw, `uniform(hash(seed, epoch, wiki, page_id, j)) < probability`, so the choice does not depend on
the order of documents, or on shards, tasks or ranks. `j` numbers the links of a page from 0, in order. It counts the links that
can get a name:

    rendered text      the entities of `augmented` that have a name in the pivot language
    training stream    the entities of `encoded`: the same, except those whose surface or name has no token
                       (the counters `entities_without_token` and `names_without_token` of `encoded`)

If the tokenizer lost no entity of a page, both choose the same links for the same seed and epoch.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

from spark_jobs.common.stateless_random import fold, mix, text_key, uniform

Ints = npt.NDArray[np.integer]
Bools = npt.NDArray[np.bool_]

Strategy = Literal["left", "right", "replace", "none"]
"""Position of the name of a chosen link: before the link's text, after it, in its place, or nowhere."""


def choose_links(*, seed: int, epoch: int, wiki: str, page_id: Ints, link_offsets: Ints, probability: float) -> Bools:
    """Choose link j of a page if uniform(hash(seed, epoch, wiki, page_id, j)) < probability.

    Args:
        seed: seed of the run.
        epoch: 0 for the first pass over the data.
        wiki: id of the documents' wiki.
        page_id: [documents].
        link_offsets: [documents + 1]; j counts from 0 in each document.
        probability: 0 chooses no link, 1 chooses all.

    Returns:
        [links] bool. The draw of a link depends neither on other documents nor on their order.

    Example: pages 7 and 9 have three links and one. Page 9 alone has the same draw as beside page 7.

    >>> rule = {"seed": 3, "epoch": 0, "wiki": "jawiki", "probability": 0.5}
    >>> choose_links(page_id=np.array([7, 9]), link_offsets=np.array([0, 3, 4]), **rule).tolist()
    [False, True, False, True]
    >>> choose_links(page_id=np.array([9]), link_offsets=np.array([0, 1]), **rule).tolist()
    [True]
    """
    size = int(link_offsets[-1] - link_offsets[0])
    if probability in (0.0, 1.0):
        return np.full(size, probability == 1.0)
    document_key = fold(fold(fold(mix(seed), epoch), text_key(wiki)), page_id)
    counts = np.diff(link_offsets)
    j = np.arange(size) - np.repeat(link_offsets[:-1] - link_offsets[0], counts)
    return uniform(fold(np.repeat(document_key, counts), j)) < probability
