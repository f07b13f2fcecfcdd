"""The plan of a run is what the run does."""

import doctest

import numpy as np
import pytest
import torch

from training.config import TrainSettings
from training.model.adapters import add_adapters
from training.model.flops import flops_per_token
from training.model.model_loading import load_model
from training.model.model_shapes import find_shape, shape_of
from training.planning import plan_report, run_plan
from training.planning.dry_run import open_stream, show_plan
from training.planning.run_plan import configured_offload, make_plan, sequences_of_wikis, wiki_parts
from training.stream.source_mixture import Mixture


def test_the_worked_examples_hold():
    assert doctest.testmod(run_plan).failed == doctest.testmod(plan_report).failed == 0


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
    for part, (tokens, _, seen, inserted) in zip(wiki_parts(stream, steps), counted.tolist(), strict=True):
        assert part.tokens == tokens
        assert part.links_seen == pytest.approx(seen, rel=0.06)
        assert part.names_inserted == pytest.approx(inserted, rel=0.06)


def test_adapters_are_counted_as_those_of_peft(run_settings, base_model, tmp_path, in_repository, capsys):
    given = {"path": str(base_model), "precision": "fp32", "lora": {"rank": 4}}
    settings = TrainSettings(**run_settings(tmp_path / "run", model=given))
    model = add_adapters(load_model(settings.model, torch.float32), settings.model.lora, 0)
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    plan = make_plan(settings, {"zero_optimization": {"stage": 2}}, 2, find_shape(str(base_model)), None)
    assert plan.trained == trained
    (chosen,) = (row.plain for row in plan.memory if row.chosen)
    assert chosen.parameters == 4 * sum(p.numel() for p in model.parameters())
    assert chosen.gradients == 4 * trained // 2
    assert plan.flops_per_token == flops_per_token(shape_of(model), 64, trained)
    assert plan.flops == plan.flops_per_token * 12 * 8 * 64
    assert show_plan(settings) == 0
    assert "M parameters of adapters are trained" in capsys.readouterr().out


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


@pytest.mark.parametrize(
    ("zero", "offload"),
    [
        ({}, "none"),
        ({"offload_optimizer": {"device": "none"}}, "none"),
        ({"offload_optimizer": {"device": "nvme"}}, "optimizer"),
        ({"offload_optimizer": {"device": "cpu"}, "offload_param": {"device": "cpu"}}, "all"),
    ],
)
def test_the_offload_is_read_from_the_deepspeed_configuration(zero, offload):
    assert configured_offload(zero) == offload
