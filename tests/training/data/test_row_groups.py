"""Row groups that are not as the plan expects."""

import numpy as np
import pytest

from training.config import DataSettings
from training.data.corpus_errors import CorpusError
from training.data.encoded_corpus import open_corpus


def test_a_row_group_whose_lengths_differ_from_the_plan_is_refused(fresh_corpus):
    wiki = open_corpus(DataSettings(**fresh_corpus.data)).wikis[0]
    d = wiki.documents
    object.__setattr__(d, "num_tokens", np.array(d.num_tokens) + (np.arange(len(d.num_tokens)) == 2))
    with pytest.raises(CorpusError, match=r"row group 0 of .*part-00000\.parquet holds documents of other lengths"):
        wiki.read(0)
    wiki.read(1)
