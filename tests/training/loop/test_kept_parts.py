"""The base model at the end of a run whose exported model keeps its other parts."""

import shutil

import pytest
import torch
from rich.console import Console

from training.config import TrainSettings
from training.engine.launch_environment import Ranks
from training.loop.kept_parts import find_kept_parts
from training.model.base_files import read_base_files


@pytest.fixture
def group(tmp_path):
    """A process group of one."""
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/meet", rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


CHANGES = {
    "nothing": (lambda folder: None, None),
    "removed": (shutil.rmtree, "is not a folder"),
    "weights removed": (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors does not exist"),
    "tokenizer changed": (lambda folder: (folder / "tokenizer.json").write_text("{}"), "tokenizer.json (sha256"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_base_that_was_removed_or_changed_is_left_out_with_a_warning(group, run_settings, base_model, tmp_path, change):
    folder = shutil.copytree(base_model, tmp_path / "base")
    model = {"path": str(folder), "other_parts": "keep"}
    settings = TrainSettings(**run_settings(tmp_path / "run", model=model))
    began, console = read_base_files(folder, settings.data.cache), Console(record=True, width=500)
    CHANGES[change][0](folder)
    found = find_kept_parts(settings, began, Ranks(0, 0, 1, 1), console)
    warning = CHANGES[change][1]
    assert (found is None) == (warning is not None)
    text = console.export_text()
    assert (text == "") if warning is None else ("the text model is exported alone" in text and warning in text)
