"""The summary of a finished run."""

import json
import math

from training.config import TrainSettings
from training.engine.launch_environment import Ranks
from training.records.run_summary import RunSummary


def test_first_and_last_loss_are_those_of_steps_that_were_not_skipped(run_settings, tmp_path):
    settings = TrainSettings(**run_settings(tmp_path / "run"))
    line = {"step": 1, "loss": math.nan, "skipped": "the loss is nan", "tokens": 64, "tokens_per_second": 9.0, "seconds": 1.0}
    line |= {"masked": 0, "links_seen": 0, "links_inserted": 0, "stream_hash": "0"}
    settings.output_dir.mkdir()
    summary = RunSummary(settings, Ranks(0, 0, 1, 1), [line])
    assert summary.as_text().startswith("every step was skipped after 64 tokens")
    summary.add_step(line | {"step": 2, "loss": 3.0, "skipped": None})
    summary.add_step(line | {"step": 3, "loss": 99.0, "skipped": "the loss is 99, above 6"})
    summary.write()
    written = json.loads((settings.output_dir / "run.json").read_text())
    assert (written["first_loss"], written["last_loss"], written["skipped_steps"]) == (3.0, 3.0, 2)
