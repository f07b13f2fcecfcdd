"""The model of an engine, and the precision of the weights that its optimizer updates."""

from types import SimpleNamespace

import pytest
import torch
from transformers import AutoTokenizer

from spark_jobs.common.errors import ConfigurationError
from training.config import TrainSettings
from training.engine.deepspeed_engine import build_model, check_master_weights
from training.engine.launch_environment import Ranks
from training.loop.optimizer_step import dropout_seed
from training.model.translation_tags import add_tags


def test_ranks_begin_with_the_same_weights_and_draw_their_own_dropout_in_each_step(run_settings, base_model, tmp_path):
    settings = TrainSettings(**run_settings(tmp_path / "run"))
    _, rows = add_tags(AutoTokenizer.from_pretrained(base_model))
    models = [build_model(settings, rows, "fp32", Ranks(rank, rank, 2, 2)) for rank in (0, 1)]
    weights = [{name: weight.tolist() for name, weight in model.state_dict().items()} for model in models]
    assert weights[0] == weights[1]
    seeds = {dropout_seed(seed, step, rank) for seed in (0, 1) for step in (0, 1) for rank in (0, 1)}
    assert len(seeds) == 8


def engine_that_updates(dtype, partitions=None):
    """An engine whose optimizer has one parameter; `partitions` are the fp32 weights that ZeRO-3 keeps elsewhere."""
    groups = [{"params": [torch.ones(2, dtype=dtype), torch.ones(0, dtype=torch.bfloat16)]}]  # an empty one has no updates
    return SimpleNamespace(optimizer=SimpleNamespace(param_groups=groups, fp32_partitioned_groups_flat=partitions))


@pytest.mark.parametrize(
    ("engine", "found"),
    [
        (engine_that_updates(torch.bfloat16), "torch.bfloat16"),
        (engine_that_updates(torch.float32, [torch.ones(2, dtype=torch.float16)]), "torch.float16"),
    ],
    ids=["parameters", "partitions of ZeRO-3"],
)
def test_an_optimizer_without_fp32_weights_is_refused(engine, found):
    with pytest.raises(ConfigurationError, match=rf"the optimizer would update weights in {found}, in which small updates"):
        check_master_weights(engine)


@pytest.mark.parametrize("partitions", [None, [torch.ones(2)]])
def test_an_optimizer_with_fp32_weights_is_accepted(partitions):
    check_master_weights(engine_that_updates(torch.float32, partitions))
