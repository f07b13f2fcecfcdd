"""DeepSpeed's configuration: keys that are refused, precision, and the gradients that arrive."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from spark_jobs.common.errors import ConfigurationError
from training.config import TrainSettings
from training.engine.deepspeed_config import build_deepspeed_config, with_precision


@pytest.fixture
def settings(run_settings, tmp_path):
    """`settings(file)`: a run with that DeepSpeed file."""
    return lambda file: TrainSettings(**run_settings(tmp_path / "run") | {"deepspeed": file})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not valid JSON"),
        ('{"zero_optimization": {"stage": 1}, "zero_optimization": {"stage": 3}}', "the key 'zero_optimization' is given twice"),
        ("[]", "holds a list; expected an object"),
        ('{"train_batch_size": 8}', "sets 'train_batch_size', which 'global_batch_size' of the training configuration decides"),
        ('{"optimizer": {"type": "AdamW"}}', "sets 'optimizer'"),
        ('{"steps_per_print": 10}', r"sets 'steps_per_print', which is always 2147483648 here \(this job has its own log"),
        ('{"zero_allow_untested_optimizer": true}', "sets 'zero_allow_untested_optimizer', which is always true here"),
        ('{"zero_force_ds_cpu_optimizer": true}', "sets 'zero_force_ds_cpu_optimizer', which is always false here"),
    ],
)
def test_a_deepspeed_file_that_contradicts_the_configuration_is_refused(settings, tmp_path, content, message):
    (tmp_path / "ds.json").write_text(content)
    with pytest.raises(ConfigurationError, match=message):
        build_deepspeed_config(settings(tmp_path / "ds.json"), 1)


def test_a_missing_deepspeed_file_is_refused(settings, tmp_path):
    with pytest.raises(ConfigurationError, match=r"does not exist .*conf/deepspeed/ has zero0\.json"):
        build_deepspeed_config(settings(tmp_path / "none.json"), 1)


def test_bf16_keeps_fp32_accumulation_and_is_refused_where_deepspeed_cannot():
    assert with_precision({"zero_optimization": {"stage": 1}}, bf16=True)["data_types"] == {"grad_accum_dtype": "fp32"}
    with pytest.raises(ConfigurationError, match=r"ZeRO stage 0 in bf16 .*use conf/deepspeed/zero1\.json"):
        with_precision({"zero_optimization": {"stage": 0}}, bf16=True)
    assert with_precision({}, bf16=False) == {}


@pytest.mark.parametrize(
    ("stage", "given", "expected"),
    [(1, {}, "fp32"), (1, {"communication_data_type": "FP32"}, "fp32"), (2, {}, None), (3, {}, None)]
    + [(stage, {"communication_data_type": "fp32"}, "fp32") for stage in (2, 3)],
)
def test_in_bf16_stage_1_exchanges_its_sums_in_fp32_and_the_others_as_the_file_says(stage, given, expected):
    config = with_precision({"zero_optimization": {"stage": stage}, **given}, bf16=True)
    assert config.get("communication_data_type") == expected


def test_sums_of_gradients_are_not_exchanged_in_bf16():
    config = {"zero_optimization": {"stage": 1}, "communication_data_type": "bf16"}
    with pytest.raises(ConfigurationError, match=r"communication_data_type is 'bf16', .* ZeRO stage 1 would round the sums"):
        with_precision(config, bf16=True)


@pytest.mark.parametrize("ranks", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_in_bf16_the_sum_of_gradients_reaches_the_optimizer_in_fp32_at_every_stage(repository, rank_environment, tmp_path, ranks):
    script = Path(__file__).with_name("exchanged_gradients.py")
    environment = os.environ | rank_environment | {"PYTHONPATH": str(repository)}
    torchrun = [str(Path(sys.executable).with_name("torchrun")), "--standalone", "--nproc-per-node", str(ranks)]
    command = [*torchrun, str(script), str(tmp_path / "gradients.pt")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    found = torch.load(tmp_path / "gradients.pt")
    for gradient in found.values():
        some = gradient[gradient != 0]
        assert (some == some.bfloat16().float()).float().mean() < 0.5, "sums of eight bf16 numbers are rarely bf16 numbers"
    assert torch.equal(found[2], found[3])
    if ranks == 1:
        assert torch.equal(found[1], found[2])
    else:  # stages 2 and 3 exchange each micro-batch in bf16: one more rounding, as large as one of the backward pass
        assert (found[1] - found[2]).norm() < 2**-8 * found[1].norm()
