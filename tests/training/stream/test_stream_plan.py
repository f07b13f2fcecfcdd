"""The plan of a stream: where sequence k comes from, and the shares of wikis."""

import dataclasses

import numpy as np
import pytest

from training.stream.stream_plan import StreamPlan

from .synthetic_documents import RULES, documents, even_documents


def test_a_sequence_may_span_several_epochs_of_a_small_corpus():
    plan = StreamPlan([documents(2, seed=3)], dataclasses.replace(RULES, sequence_length=1000))
    assert len({span.epoch for span in plan.sequence(0)}) > 2
    assert sum(span.length for span in plan.sequence(0)) == 1000


@pytest.mark.parametrize("slots", [1, 2, 3, 6])
def test_every_sequence_of_every_lane_comes_once_and_a_slot_has_one_lane_of_a_wiki(slots):
    rules = dataclasses.replace(RULES, slots=slots)
    plan = StreamPlan([even_documents(240, 2, 10), documents(wiki="swwiki", groups=0)], rules)
    assert (plan.wikis[0].lanes, plan.wikis[1].lanes) == (slots, 1)
    places = plan.places(range(6 * 300))
    assert len({tuple(place) for place in places.tolist()}) == len(places)
    for wiki, lanes_of_wiki in ((0, slots), (1, 1)):
        for lane in range(lanes_of_wiki):
            taken = np.sort(places[(places[:, 0] == wiki) & (places[:, 1] == lane)][:, 2])
            gaps = np.flatnonzero(taken != np.arange(len(taken)))
            assert len(gaps) == 0 or gaps[0] >= len(taken) - 3 * slots, "slots that share a lane are no more than a few apart"


def test_nothing_held_out_leaves_the_held_out_part_without_tokens():
    with pytest.raises(ValueError, match=r"data\.held_out: 0\.001 leaves the stream of part 'held_out' no tokens"):
        StreamPlan([documents(3)], dataclasses.replace(RULES, held_out=0.001, part="held_out"))


def test_a_corpus_without_tokens_is_refused():
    empty = dataclasses.replace(documents(), num_tokens=np.zeros(50, dtype=np.int32))
    rules = dataclasses.replace(RULES, bos=None, strategy="none")
    with pytest.raises(ValueError, match="holds no tokens"):
        StreamPlan([empty], rules)


@pytest.mark.parametrize(("temperature", "share"), [(1.0, 0.8), (1e9, 0.5)])
def test_wikis_come_in_proportion_to_their_tokens_or_more_alike(temperature, share):
    wikis = [even_documents(400, 1, 10), dataclasses.replace(even_documents(100, 1, 10), wiki="swwiki")]
    plan = StreamPlan(wikis, dataclasses.replace(RULES, temperature=temperature))
    places = plan.places(range(6000))
    assert (places[:, 0] == 0).mean() == pytest.approx(share, abs=0.03)


def test_weights_give_the_shares():
    wikis = [even_documents(400, 1, 10), dataclasses.replace(even_documents(100, 1, 10), wiki="swwiki")]
    plan = StreamPlan(wikis, dataclasses.replace(RULES, weights=(("jawiki", 1.0), ("swwiki", 3.0))))
    assert (plan.places(range(6000))[:, 0] == 0).mean() == pytest.approx(0.25, abs=0.001)
