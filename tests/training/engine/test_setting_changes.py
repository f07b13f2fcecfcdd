"""Which settings may change when a run resumes."""

import copy
import doctest
import json
from pathlib import Path

import pytest

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.settings import load_settings
from training.config import TrainSettings
from training.engine import setting_changes
from training.engine.deepspeed_config import build_deepspeed_config, with_precision
from training.engine.setting_changes import (
    CONFIGURATION,
    DEEPSPEED,
    DEEPSPEED_EFFECTS,
    EFFECTS,
    Effect,
    find_changes,
    require_resumable,
    require_same_finished_run,
    settings_to_match,
)

CONF = Path(setting_changes.__file__).parents[2] / "conf"


def of_llama(*overrides, ranks=8):
    """The settings of a run of the recipe, as a checkpoint holds them."""
    file = f"deepspeed={CONF}/deepspeed/zero2.json"
    settings = load_settings(TrainSettings, CONF / "train" / "llama2-7b-ja.yaml", [file, "output_dir=run", *overrides])
    config = with_precision(build_deepspeed_config(settings, accumulation=1), bf16=True)
    return json.loads(json.dumps(settings_to_match(settings, config, "bf16", ranks)))


BASE = of_llama()


def with_deepspeed(**changes):
    """The same run with other keys in DeepSpeed's file."""
    changed = copy.deepcopy(BASE)
    for name, value in changes.items():
        section, _, key = name.rpartition("__")
        (changed[DEEPSPEED][section] if section else changed[DEEPSPEED])[key] = value
    return changed


def test_the_worked_examples_hold():
    assert doctest.testmod(setting_changes).failed == 0


def test_the_tables_name_keys_that_exist():
    known = set()

    def visit(values, prefix=""):
        for name, value in values.items():
            known.add(prefix + name)
            if isinstance(value, dict):
                visit(value, f"{prefix}{name}.")

    visit(BASE[CONFIGURATION])
    assert EFFECTS.keys() <= known
    assert {key.partition(".")[0] for key in known} <= EFFECTS.keys(), "each section has an effect by decision"


CHANGES = {
    # what changes -> (settings, effect of each changed key)
    "nothing": (BASE, {}),
    "guard.sigmas": (of_llama("guard.sigmas=3"), {"guard.sigmas": Effect.RESULT}),
    "guard.window and stop_after": (
        of_llama("guard.window=64", "guard.stop_after=9"),
        {"guard.window": Effect.RESULT, "guard.stop_after": Effect.NONE},
    ),
    "attention": (of_llama("model.attention=eager"), {"model.attention": Effect.ROUNDING}),
    "gradient checkpointing": (of_llama("model.gradient_checkpointing=false"), {"model.gradient_checkpointing": Effect.NONE}),
    "LoRA": (
        of_llama("model.lora={rank: 4}"),
        {"model.lora.rank": Effect.RESULT, "model.lora.alpha": Effect.RESULT, "model.lora.dropout": Effect.RESULT},
    ),
    "a moved base model": (of_llama("model.path=/moved/base"), {"model.path": Effect.CONTENT}),
    "the router's loss": (of_llama("model.router_loss=0.5"), {"model.router_loss": Effect.RESULT}),
    "optimizer": (of_llama("optimizer.betas=[0.8, 0.95]"), {"optimizer.betas": Effect.RESULT}),
    "steps": (of_llama("steps=201"), {"steps": Effect.RESULT}),
    "micro batch": (
        of_llama("micro_batch_size=4"),
        {"micro_batch_size": Effect.ROUNDING, "deepspeed.train_micro_batch_size_per_gpu": Effect.CONTENT},
    ),
    "ranks": (of_llama(ranks=16), {"ranks": Effect.ROUNDING}),
    "reports": (
        of_llama("checkpoint.every=3", "log.wandb=leia", "stream.workers=4"),
        {"stream.workers": Effect.NONE, "checkpoint.every": Effect.NONE, "log.wandb": Effect.NONE},
    ),
    "a moved corpus": (
        of_llama("data.corpus=/moved", "data.cache=/other"),
        {"data.corpus": Effect.STREAM, "data.cache": Effect.NONE},
    ),
    "a path": (of_llama("output_dir=/moved/run", "resume=true"), {"output_dir": Effect.CONTENT, "resume": Effect.CONTENT}),
    "ZeRO stage": (with_deepspeed(zero_optimization__stage=3), {"deepspeed.zero_optimization.stage": Effect.RESULT}),
    "offload": (
        with_deepspeed(zero_optimization__offload_optimizer={"device": "cpu"}),
        {"deepspeed.zero_optimization.offload_optimizer.device": Effect.ROUNDING},
    ),
    "communication": (with_deepspeed(communication_data_type="fp16"), {"deepspeed.communication_data_type": Effect.RESULT}),
    "an unknown key": (
        with_deepspeed(progressive_layer_drop={"theta": 0.5}),
        {"deepspeed.progressive_layer_drop.theta": Effect.RESULT},
    ),
    "overlap": (with_deepspeed(zero_optimization__overlap_comm=False), {"deepspeed.zero_optimization.overlap_comm": Effect.NONE}),
    "precision": (BASE | {CONFIGURATION: BASE[CONFIGURATION] | {"precision": "fp32"}}, {"precision": Effect.RESULT}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_is_found_with_its_effect(name):
    now, effects = CHANGES[name]
    assert {change.key: change.effect for change in find_changes(BASE, now)} == effects
    assert {change.key: change.effect for change in find_changes(now, BASE)} == effects


@pytest.mark.parametrize("name", CHANGES)
def test_a_resumed_run_refuses_what_changes_the_result_and_returns_the_rest_for_the_log(name):
    now, effects = CHANGES[name]
    refused = [key for key, effect in effects.items() if effect is Effect.RESULT]
    rounded = [key for key, effect in effects.items() if effect is Effect.ROUNDING]
    logged = rounded + [key for key, effect in effects.items() if effect is Effect.NONE]
    if refused:
        with pytest.raises(ConfigurationError, match="the checkpoint belongs to another run: ") as error:
            require_resumable(BASE, now, True, "the checkpoint")
        assert all(f"{key}: " in str(error.value) for key in refused)
        assert not any(f"{key}: " in str(error.value) for key in logged)
        return
    if rounded:
        with pytest.raises(
            ConfigurationError, match=rf"was written with other settings: {rounded[0]}: .* add --set elastic=true"
        ):
            require_resumable(BASE, now, False, "the checkpoint")
    assert [change.key for change in require_resumable(BASE, now, bool(rounded), "the checkpoint")] == logged


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("guard.sigmas", "guard.sigmas: 6.0 there, 3.0 here"),
        ("LoRA", "model.lora.rank: not set there, 4 here"),
        ("communication", "deepspeed.communication_data_type: not set there, fp16 here"),
        ("optimizer", "optimizer.betas: [0.9, 0.95] there, [0.8, 0.95] here"),
    ],
)
def test_a_change_is_shown_with_both_values(name, shown):
    assert shown in map(str, find_changes(BASE, CHANGES[name][0]))


@pytest.mark.parametrize(
    ("name", "same_stream", "elastic", "message"),
    [
        ("nothing", True, False, None),
        ("reports", True, False, None),
        ("ranks", True, True, None),
        ("a moved corpus", True, False, None),
        (
            "steps",
            True,
            False,
            r"finished run with other settings: steps: 50 there, 201 here\. A finished run cannot be continued",
        ),
        ("guard.sigmas", True, True, r"guard\.sigmas: 6\.0 there"),
        ("ranks", True, False, r"ranks: 8 there, 16 here"),
        ("a moved base model", True, True, r"model\.path: .* there, /moved/base here\."),
        ("nothing", False, False, r"other settings: the corpus has another content\."),
        ("a moved corpus", False, False, r"other settings: data\.corpus: .* there, /moved here\."),
    ],
)
def test_a_finished_run_with_another_result_is_an_error(name, same_stream, elastic, message):
    now, _ = CHANGES[name]
    if message is None:
        require_same_finished_run(BASE, now, elastic, "run", same_stream)
        return
    with pytest.raises(ConfigurationError, match=message):
        require_same_finished_run(BASE, now, elastic, "run", same_stream)


def test_each_key_of_deepspeed_that_the_shipped_files_set_is_known():
    for path in (CONF / "deepspeed").glob("*.json"):
        for key in json.loads(path.read_text())["zero_optimization"]:
            assert key == "stage" or f"zero_optimization.{key}" in DEEPSPEED_EFFECTS
