"""Checkpoints as folders: their manifest, and files that a rank does not see."""

import doctest
import json

import pytest
from rich.console import Console

from spark_jobs.common.errors import ConfigurationError
from training.engine import checkpoints
from training.engine.checkpoints import Checkpoints, RunState, file_sums
from training.engine.resume import find_newest_intact

STATE = RunState(step=20, stream={}, guard=[], skipped=0, ranks=8, settings={})


def test_the_manifest_names_every_file_of_the_folder_whatever_the_ranks_have_listed(alone, tmp_path):
    assert doctest.testmod(checkpoints).failed == 0
    made = Checkpoints(tmp_path / "checkpoints", keep=2)
    folder = made.begin(20)
    for name in ("a.pt", "b.pt"):
        (folder / name).write_text(name)
    published = made.publish(STATE, file_sums([folder / "a.pt"]))  # no rank has listed b.pt
    assert set(json.loads((published / "manifest.json").read_text())) == {"a.pt", "b.pt", "state.json"}
    (published / "b.pt").unlink()
    with pytest.raises(ConfigurationError, match=r"all 1 checkpoints"):
        find_newest_intact(made, alone, Console(quiet=True))


def test_a_checkpoint_whose_files_the_first_rank_does_not_see_is_not_published(tmp_path):
    made = Checkpoints(tmp_path / "checkpoints", keep=2)
    folder = made.begin(20)
    (folder / "a.pt").write_text("a")
    sums = file_sums([folder / "a.pt"])
    with pytest.raises(ConfigurationError, match=r"not all ranks see b\.pt of .*a file system that all machines share"):
        made.publish(STATE, sums | {"b.pt": sums["a.pt"]})
    assert made.published() == []
