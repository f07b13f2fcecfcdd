"""Configurations that are refused before ranks meet and weights are read."""

import json

import pytest
import torch

from spark_jobs.common.errors import ConfigurationError
from training.config import TrainSettings
from training.loop.trainer import train


@pytest.mark.parametrize(
    ("changes", "stage", "message"),
    [
        ({"stream": {"sequence_length": 129}}, 2, "stream.sequence_length: 129 exceeds the 128 positions"),
        ({"model": {"attention": "flash_attention_2", "precision": "fp32"}}, 2, "model.attention: 'flash_attention_2' "),
        ({"model": {"precision": "bf16"}}, 0, "ZeRO stage 0 in bf16"),
        ({"model": {"tokenizer words": 59}}, 2, r"model.path: the tokenizer of .* is not the one of the shards"),
        ({"model": {"tokenizer words": 60, "no BOS": True}}, 2, "stream.bos: true, but the tokenizer of .* has no BOS token"),
    ],
    ids=["positions", "attention", "precision", "vocabulary", "BOS"],
)
def test_a_bad_configuration_is_refused_before_ranks_meet_and_weights_are_read(
    run_settings, base_model, make_tokenizer, tmp_path, changes, stage, message
):
    model = dict(changes.get("model", {}))
    make_tokenizer(tmp_path / "model", model.pop("tokenizer words", 60))
    if model.pop("no BOS", False):
        settings = json.loads((tmp_path / "model" / "tokenizer_config.json").read_text())
        del settings["bos_token"]
        (tmp_path / "model" / "tokenizer_config.json").write_text(json.dumps(settings))
    (tmp_path / "model" / "config.json").write_bytes((base_model / "config.json").read_bytes())  # and no weights
    model["path"] = str(tmp_path / "model")
    with pytest.raises(ConfigurationError, match=message):
        train(TrainSettings(**run_settings(tmp_path / "run", stage, **changes | {"model": model})))
    assert not torch.distributed.is_initialized()
    assert not (tmp_path / "run").exists()


def test_raising_the_steps_of_a_finished_run_is_an_error_and_the_same_command_is_done(finished_run, capsys):
    settings = finished_run(2).settings | {"resume": True, "elastic": True}  # here there is one rank
    before = sorted(path.name for path in finished_run(2).folder.iterdir())
    train(TrainSettings(**settings))
    line = f"nothing to do: {finished_run(2).folder} holds a finished run; without effect: ranks: 2 there, 1 here"
    assert line in capsys.readouterr().out
    with pytest.raises(ConfigurationError, match=r"holds a finished run with other settings: steps: 12 there, 20 here\."):
        train(TrainSettings(**settings | {"steps": 20}))
    assert sorted(path.name for path in finished_run(2).folder.iterdir()) == before
    assert not torch.distributed.is_initialized()
