"""Which articles are held out of training."""

import numpy as np
import numpy.typing as npt

from spark_jobs.common.stateless_random import fold, mix, text_key, uniform


def is_held_out(wiki: str, page_id: npt.NDArray[np.int64], share: float) -> npt.NDArray[np.bool_]:
    """[documents] whether each is held out: a function of (wiki, page_id) alone, so that runs of all seeds leave out the same.

    A larger share holds out the same documents and more.
    """
    return uniform(fold(fold(mix(text_key("held out")), text_key(wiki)), page_id)) < share
