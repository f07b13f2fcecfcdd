"""The loaders that are compared."""

import random


def test_names_are_inserted_after_links(load_benchmark):
    loaders = load_benchmark("peers.stream_loaders")
    row = {"input_ids": [5, 6, 7], "entity_end": [1, 3], "name_lengths": [2, 1], "name_ids": [50, 51, 60]}
    draw = random.Random(0)
    draw.random = lambda: 0.0
    opening, closing = loaders.OPEN, loaders.CLOSE
    expected = [loaders.BOS, 5, opening, 50, 51, closing, 6, 7, opening, 60, closing]
    assert loaders.insert_names(row, draw) == expected


def test_a_slow_consumer_does_not_wait(load_benchmark):
    loaders = load_benchmark("peers.stream_loaders")
    assert loaders.wait_share(iter(lambda: (None, None), 1), 32_768, 1_000_000, 0.3) < 0.05
