"""Which articles are held out."""

import numpy as np

from training.stream.held_out_articles import is_held_out


def test_held_out_articles_depend_on_wiki_and_page_alone_and_grow_with_the_share():
    pages = np.arange(1000)
    small, large = is_held_out("jawiki", pages, 0.1), is_held_out("jawiki", pages, 0.2)
    assert (large >= small).all()
    assert is_held_out("jawiki", pages[::-1], 0.1).tolist() == small.tolist()[::-1]
    assert is_held_out("eswiki", pages, 0.1).tolist() != small.tolist()
