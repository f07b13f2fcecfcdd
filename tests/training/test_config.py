"""The configuration: values that are refused and why, the arithmetic of batches, the shipped files."""

import json
from pathlib import Path

import pytest

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.settings import load_settings
from training.config import OptimizerSettings, TrainSettings, accumulation_steps
from training.engine.deepspeed_config import build_deepspeed_config
from training.model.tiny_model import TinyModelSettings

MINIMAL = """
data: {corpus: build/corpus, tokenizer: words, wikis: [jawiki]}
model: {path: build/base}
steps: 10
global_batch_size: 8
output_dir: build/run
"""


@pytest.fixture
def minimal(tmp_path: Path) -> Path:
    (tmp_path / "minimal.yaml").write_text(MINIMAL)
    return tmp_path / "minimal.yaml"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("insertion.strategy=middle", "insertion.strategy: 'middle' is not allowed: .*'left', 'right', 'replace' or 'none'"),
        ("insertion.probability=1.5", "insertion.probability: 1.5 is not allowed: .*less than or equal to 1"),
        ("insertion.probabilty=0.5", "unknown key .*did you mean 'probability'"),
        ("stream.sequence_length=1", "stream.sequence_length: 1 is not allowed: .*greater than or equal to 2"),
        ("data.wikis=[]", "data.wikis: .*at least 1 item"),
        ("data.wikis=[jawiki, jawiki]", "a wiki is named twice"),
        ("data.weights={jawiki: 0}", r"weights\.jawiki is 0\.0: a weight is above 0; to leave a wiki out, take it out of wikis"),
        ("data.weights={eswiki: 1}", "weights names eswiki, wikis is jawiki: give each wiki one weight"),
        ("data.temperature=0", "data.temperature: 0 is not allowed: .*greater than 0"),
        ("data.held_out=1", "data.held_out: 1 is not allowed: .*less than 1"),
        ("stream.lanes=3", r"stream\.lanes \(3\) does not divide global_batch_size \(8\); use one of 1, 2, 4, 8"),
        ("optimizer.warmup_steps=10", r"warmup_steps \(10\) must be below steps \(10\)"),
        ("optimizer.betas=[0.9, 1.0]", "each beta is a decay in"),
        ('output_dir=""', "output_dir: '' is not allowed: the path is empty; write a folder or file"),
        ('data.corpus=""', "data.corpus: '' is not allowed: the path is empty"),
        ('data.cache=""', "data.cache: '' is not allowed: the path is empty"),
        ('model.path=""', "model.path: '' is not allowed: the path is empty"),
        ("data.weights={jawiki: 1, jawiki: 2}", "the key 'jawiki' is given twice"),
        ("model.precision=fp16", "model.precision: 'fp16' is not allowed: .*'auto', 'bf16' or 'fp32'"),
    ],
)
def test_an_impossible_value_is_refused_with_its_key_and_what_is_allowed(minimal, override, message):
    with pytest.raises(ConfigurationError, match=message):
        load_settings(TrainSettings, minimal, [override])


@pytest.mark.parametrize(
    ("batch", "micro", "ranks", "accumulation"), [(2048, 1, 8, 256), (8, 4, 2, 1), (8, 2, 2, 2), (8, 8, 1, 1), (6, 1, 3, 2)]
)
def test_the_batch_is_micro_batch_times_accumulation_times_ranks(batch, micro, ranks, accumulation):
    assert accumulation_steps(batch, micro, ranks) == accumulation


@pytest.mark.parametrize(
    ("batch", "micro", "ranks", "nearest"),
    [
        (10, 4, 2, "nearest values are 8 and 16"),
        (3, 4, 2, "nearest value is 8"),
        (2048, 1, 3, "nearest values are 2046 and 2049"),
    ],
)
def test_a_batch_that_does_not_divide_is_refused_with_the_nearest_values(batch, micro, ranks, nearest):
    with pytest.raises(ConfigurationError, match=f"global_batch_size: {batch} is not a multiple of .* {nearest}"):
        accumulation_steps(batch, micro, ranks)


def test_weights_together_with_a_temperature_are_refused(minimal):
    with pytest.raises(ConfigurationError, match="temperature and weights are both given"):
        load_settings(TrainSettings, minimal, ["data.weights={jawiki: 1}", "data.temperature=2"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"evaluation": {"every": 5}}, r"evaluation\.every is set, but data\.held_out is 0 and evaluation\.tasks is null"),
        ({"evaluation": {"tasks": "conf/eval/demo.yaml"}}, r"tasks is conf/eval/demo\.yaml, but every is null"),
        ({"log": {"profile": [5, 4]}}, r"give the first and the last step, such as \[5, 7\]"),
        ({"resume": True, "overwrite": True}, r"overwrite starts anew and resume continues; set one of them"),
        ({"elastic": True}, r"elastic changes how a run resumes; set resume=true too"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(run_settings, tmp_path, changes, message):
    path = tmp_path / "run.yaml"
    path.write_text(json.dumps(run_settings(tmp_path / "run", **changes)))
    with pytest.raises(ConfigurationError, match=message):
        load_settings(TrainSettings, path)


@pytest.mark.parametrize(
    ("batch", "lanes", "slots"), [(2048, None, 64), (8, None, 8), (96, None, 48), (67, None, 1), (2048, 8, 8), (2048, 128, 128)]
)
def test_lanes_are_the_configured_number_or_the_largest_divisor_of_the_batch_up_to_64(minimal, batch, lanes, slots):
    overrides = [f"global_batch_size={batch}"] + ([] if lanes is None else [f"stream.lanes={lanes}"])
    assert load_settings(TrainSettings, minimal, overrides).slots == slots


def test_the_shipped_configurations_load(repository, monkeypatch):
    monkeypatch.chdir(repository)
    recipes = [path for path in Path("conf/train").glob("*.yaml") if path.name not in ("tiny_model.yaml", "llama2-7b.yaml")]
    assert len(recipes) >= 2
    for path in recipes:
        settings = load_settings(TrainSettings, path)
        assert "zero_optimization" in build_deepspeed_config(settings, 1), path
    load_settings(TinyModelSettings, Path("conf/train/tiny_model.yaml"))


def test_the_published_recipe_trains_on_4194304_tokens_a_step(repository):
    settings = load_settings(TrainSettings, repository / "conf" / "train" / "llama2-7b-ja.yaml")
    assert settings.global_batch_size * settings.stream.sequence_length == 4_194_304
    assert accumulation_steps(settings.global_batch_size, settings.micro_batch_size, ranks=8) == 256
    assert (settings.data.temperature, settings.data.held_out, settings.stream.mask_documents) == (1.0, 0.0, False)
    assert (settings.steps, settings.insertion.strategy, settings.insertion.probability) == (50, "right", 0.5)
    assert settings.optimizer == OptimizerSettings(
        learning_rate=5e-6, schedule="cosine", betas=(0.9, 0.95), epsilon=1e-6, weight_decay=0.1
    )
