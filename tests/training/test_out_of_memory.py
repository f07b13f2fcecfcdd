"""What a person reads when memory does not suffice."""

import re

import pytest
import torch

from training.config import TrainSettings
from training.out_of_memory import explain, is_out_of_memory
from training.train import EXIT_OUT_OF_MEMORY, main


def too_much():
    """Ask for an exabyte."""
    torch.empty(2**60, dtype=torch.uint8)


def test_the_errors_of_gpu_and_machine_are_known_and_no_others():
    with pytest.raises(RuntimeError) as error:
        too_much()
    assert is_out_of_memory(error.value)
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory."))
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_a_run_without_enough_memory_ends_with_the_estimate_and_three_remedies(run_settings, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("training.train.train", lambda settings: too_much())
    assert main(TrainSettings(**run_settings(tmp_path / "run"))) == EXIT_OUT_OF_MEMORY
    told = capsys.readouterr().err
    assert re.search(
        r"error: not enough memory: .*\nBy estimate a rank needs [\d.]+ [MG]iB \(ZeRO-2, ranks 1, micro_batch_size 2, ", told
    )
    assert re.findall(r"^  (\d)\. ", told, re.MULTILINE) == ["1", "2", "3"]
    assert "1. --set micro_batch_size=1 (" in told
    assert "2. --set model.gradient_checkpointing=true (" in told


def test_remedies_that_are_taken_already_are_not_told(run_settings, tmp_path):
    settings = run_settings(tmp_path / "run", 3, micro_batch_size=1)
    settings["model"] |= {"gradient_checkpointing": True}
    told = explain(torch.OutOfMemoryError("CUDA out of memory."), TrainSettings(**settings), ranks=8)
    assert "1. --set deepspeed=conf/deepspeed/zero3_offload.json" in told
    assert "micro_batch_size=" not in told
    assert "gradient_checkpointing=" not in told


def test_the_remedies_need_less_by_the_estimate(run_settings, tmp_path):
    told = explain(MemoryError(), TrainSettings(**run_settings(tmp_path / "run", 0)), ranks=8)
    figures = [float(number) for number in re.findall(r"([\d.]+) MiB", told)]
    assert len(figures) == 3  # what ZeRO-3 needs for its buffers is more than such a small model itself
    assert all(figure < figures[0] for figure in figures[1:])
