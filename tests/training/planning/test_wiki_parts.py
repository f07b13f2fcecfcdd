"""The part of each wiki in a run."""

import doctest

import numpy as np
import pytest

from training.config import TrainSettings
from training.planning import wiki_parts
from training.planning.dry_run import open_stream
from training.planning.wiki_parts import expected_wiki_parts, sequences_of_wikis
from training.stream.source_mixture import Mixture


def test_the_worked_example_holds():
    assert doctest.testmod(wiki_parts).failed == 0


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"insertion": {"strategy": "replace", "probability": 1.0}},
        {"insertion": {"strategy": "none"}},
        {"held_out": 0.3},
        {"weights": {"eswiki": 3, "jawiki": 1}},
    ],
    ids=["right", "replace", "none", "held-out", "weights"],
)
def test_tokens_links_and_names_are_those_of_the_stream(run_settings, corpus, tmp_path, changes):
    steps = 60
    data = corpus.data | {key: value for key, value in changes.items() if key in ("held_out", "weights")}
    insertion = changes.get("insertion", {})
    settings = TrainSettings(**run_settings(tmp_path / "run", data=data, insertion=insertion, steps=steps))
    stream = open_stream(settings)
    counted = sum(stream.batch(step).counts for step in range(steps))
    for part, (tokens, _, seen, inserted) in zip(expected_wiki_parts(stream, steps), counted.tolist(), strict=True):
        assert part.tokens == tokens
        assert part.links_seen == pytest.approx(seen, rel=0.06)
        assert part.names_inserted == pytest.approx(inserted, rel=0.06)


@pytest.mark.parametrize("quota", [[2, 1], [5, 0, 3], [1]])
@pytest.mark.parametrize("slots", [1, 4])
@pytest.mark.parametrize("in_slot", [0, 1, 3, 8, 29])
def test_sequences_of_wikis_are_counted_in_closed_form(quota, slots, in_slot):
    mixture = Mixture(np.array(quota), slots)
    counted = np.zeros(len(quota), dtype=int)
    for slot in range(slots):
        for k in range(in_slot):
            counted[mixture.locate(slot, k)[0]] += 1
    assert sequences_of_wikis(mixture, slots, in_slot).tolist() == counted.tolist()
