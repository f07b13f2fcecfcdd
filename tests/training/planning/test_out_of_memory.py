"""The message of a run that is out of memory."""

import doctest
import json
import re
from pathlib import Path

import pytest
import torch

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.settings import load_settings
from training.architectures.model_shapes import find_shape
from training.config import TrainSettings
from training.engine.deepspeed_config import build_deepspeed_config
from training.engine.setting_changes import require_resumable, settings_to_match
from training.loop.exit_codes import EXIT_OUT_OF_MEMORY
from training.planning import out_of_memory
from training.planning.out_of_memory import explain_out_of_memory, is_out_of_memory
from training.planning.run_plan import make_plan
from training.train import main

CONF = Path(__file__).resolve().parents[3] / "conf"


def too_much():
    """Ask for an exabyte."""
    torch.empty(2**60, dtype=torch.uint8)


def test_memory_errors_of_gpu_and_machine_are_recognised_and_no_others():
    with pytest.raises(RuntimeError) as error:
        too_much()
    assert is_out_of_memory(error.value)
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory."))
    assert is_out_of_memory(RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"))
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_a_run_without_enough_memory_ends_with_the_estimate_and_three_remedies(run_settings, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("training.train.train", lambda settings, draw_page: too_much())
    assert main(TrainSettings(**run_settings(tmp_path / "run"))) == EXIT_OUT_OF_MEMORY
    message = capsys.readouterr().err
    assert re.search(
        r"error: not enough memory: .*\nBy estimate a rank needs [\d.]+ [MG]iB \(ZeRO-2, ranks 1, micro_batch_size 2, ", message
    )
    assert re.findall(r"^  (\d)\. ", message, re.MULTILINE) == ["1", "2", "3"]
    assert "1. --set micro_batch_size=1 (" in message
    assert "2. --set model.gradient_checkpointing=true (" in message


def test_remedies_that_the_run_already_uses_are_left_out(run_settings, repository, tmp_path):
    settings = run_settings(tmp_path / "run", 3, micro_batch_size=1)
    settings["model"] |= {"gradient_checkpointing": True}
    message = explain_out_of_memory(torch.OutOfMemoryError("CUDA out of memory."), TrainSettings(**settings), ranks=8)
    assert "1. --set deepspeed=conf/deepspeed/zero3_offload.json" in message
    assert "micro_batch_size=" not in message
    assert "gradient_checkpointing=" not in message
    settings["deepspeed"] = str(repository / "conf" / "deepspeed" / "zero3_offload.json")
    message = explain_out_of_memory(torch.OutOfMemoryError("CUDA out of memory."), TrainSettings(**settings), ranks=8)
    assert "(ZeRO-3, optimizer and parameters offloaded, ranks 8" in message
    assert "deepspeed=" not in message


def test_the_remedies_need_less_by_the_estimate(run_settings, tmp_path):
    message = explain_out_of_memory(MemoryError(), TrainSettings(**run_settings(tmp_path / "run", 0)), ranks=8)
    figures = [float(number) for number in re.findall(r"([\d.]+) MiB", message)]
    assert len(figures) == 4  # ZeRO-3 does not help: its buffers are larger than the small model
    assert all(figure < figures[0] for figure in figures[1:])


def of_llama(*changes):
    return load_settings(
        TrainSettings, CONF / "train" / "llama2-7b-ja.yaml", [f"deepspeed={CONF}/deepspeed/zero2.json", *changes]
    )


@pytest.mark.parametrize(
    ("changes", "gigabytes"),
    [
        ([], 28.3),
        ([f"deepspeed={CONF}/deepspeed/zero3_offload.json"], 4.1),
        ([f"deepspeed={CONF}/deepspeed/zero2_offload.json"], 15.7),
        (["model.lora={rank: 8}"], 15.8),
        (["model.lora={rank: 8}", f"deepspeed={CONF}/deepspeed/zero3_offload.json"], 4.1),
    ],
    ids=["ZeRO-2", "ZeRO-3, offload", "ZeRO-2, offload", "LoRA", "LoRA, offload"],
)
def test_the_estimate_is_that_of_the_dry_run(changes, gigabytes):
    settings = of_llama(*changes)
    plan = make_plan(settings, build_deepspeed_config(settings, 1), 8, find_shape(settings.model.path), None)
    (expected,) = (row.checkpointed for row in plan.memory if row.chosen)
    message = explain_out_of_memory(torch.OutOfMemoryError("CUDA out of memory."), settings, ranks=8)
    assert f"By estimate a rank needs {expected.total / 2**30:.1f} GiB" in message
    assert f"needs {gigabytes} GiB" in message
    if expected.host:
        assert f"{gigabytes} GiB and {expected.host / 2**30:.1f} GiB of the machine's memory (ZeRO" in message


def remedies(message):
    return [line.partition(". ")[2] for line in message.splitlines() if line.startswith("  ")]


def test_a_remedy_names_what_resuming_with_it_needs():
    settings = of_llama("micro_batch_size=4", "model.gradient_checkpointing=false")
    message = explain_out_of_memory(torch.OutOfMemoryError("CUDA out of memory."), settings, ranks=8)
    micro, checkpointing, stage = remedies(message)
    assert micro.startswith("--set micro_batch_size=2 (")
    assert micro.endswith("; to continue, elastic=true too)")
    assert checkpointing == "--set model.gradient_checkpointing=true (32.1 GiB; about a third slower)"
    assert stage.startswith("--set deepspeed=conf/deepspeed/zero3.json (")
    assert stage.endswith("; a new run)")
    zero_2 = json.loads(settings.deepspeed.read_text())
    before = settings_to_match(settings, zero_2, "bf16", 8)
    zero_3 = zero_2 | {"zero_optimization": zero_2["zero_optimization"] | {"stage": 3}}
    fewer = settings_to_match(settings.model_copy(update={"micro_batch_size": 2}), zero_2, "bf16", 8)
    with pytest.raises(ConfigurationError, match="elastic=true"):
        require_resumable(before, fewer, False, "the checkpoint")
    require_resumable(before, fewer, True, "the checkpoint")
    again = settings.model_copy(update={"model": settings.model.model_copy(update={"gradient_checkpointing": True})})
    require_resumable(before, settings_to_match(again, zero_2, "bf16", 8), False, "the checkpoint")
    with pytest.raises(ConfigurationError, match=r"another run: deepspeed\.zero_optimization\.stage: 2 there, 3 here"):
        require_resumable(before, settings_to_match(settings, zero_3, "bf16", 8), True, "the checkpoint")


def test_offload_at_the_same_stage_lets_a_run_resume():
    message = explain_out_of_memory(
        torch.OutOfMemoryError("CUDA out of memory."), of_llama(f"deepspeed={CONF}/deepspeed/zero3.json"), ranks=8
    )
    assert re.match(
        r"--set deepspeed=\S+zero3_offload.json \(4.1 GiB and .* slow; to continue, elastic=true too\)$", remedies(message)[0]
    )
    stage_2 = explain_out_of_memory(torch.OutOfMemoryError("CUDA out of memory."), of_llama(), ranks=8)
    other, same, all_of_it = remedies(stage_2)
    assert re.match(r"--set deepspeed=\S+zero3.json \(18.2 GiB; .*; a new run\)$", other)
    assert re.match(r"--set deepspeed=\S+zero2_offload.json \(15.7 GiB and .* slower; to continue, elastic=true too\)$", same)
    assert re.match(r"--set deepspeed=\S+zero3_offload.json \(4.1 GiB and .* slow; a new run\)$", all_of_it)


def test_where_the_machine_is_short_of_memory_no_remedy_offloads():
    message = explain_out_of_memory(
        MemoryError(), of_llama(f"deepspeed={CONF}/deepspeed/zero3_offload.json", "micro_batch_size=2"), ranks=8
    )
    assert (
        remedies(message)[0]
        == "--set deepspeed=conf/deepspeed/zero3.json (19.5 GiB; nothing offloaded; to continue, elastic=true too)"
    )
    assert all("_offload" not in remedy and "micro_batch" not in remedy for remedy in remedies(message))


def test_a_smaller_micro_batch_divides_the_batch():
    settings = of_llama("global_batch_size=72", "micro_batch_size=9", "stream.lanes=8")
    message = explain_out_of_memory(torch.OutOfMemoryError("CUDA out of memory."), settings, ranks=8)
    assert remedies(message)[0].startswith("--set micro_batch_size=3 (")
    assert "16 GPUs" not in message


def test_the_worked_example_holds():
    assert doctest.testmod(out_of_memory).failed == 0
