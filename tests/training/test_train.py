"""The training command: errors and exit codes."""

from training.config import TrainSettings
from training.train import main


def test_a_batch_that_does_not_divide_ends_the_launch_with_one_message(launch, run_settings, tmp_path):
    done = launch(run_settings(tmp_path / "run", global_batch_size=10))
    assert done.returncode != 0
    assert done.stderr.count("10 is not a multiple of micro_batch_size x ranks = 2 x 2 = 4; the nearest values are 8 and 12") == 1
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_an_error_that_only_a_later_rank_finds_is_printed_with_its_rank(run_settings, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("training.loop.rank_errors.PATIENCE", 0.0)  # as if the first rank had ended, or had not found it
    for name, value in {"RANK": 3, "LOCAL_RANK": 1, "WORLD_SIZE": 4, "LOCAL_SIZE": 2}.items():
        monkeypatch.setenv(name, str(value))
    assert main(TrainSettings(**run_settings(tmp_path / "run", global_batch_size=10))) == 2
    assert "error (found by rank 3): global_batch_size: 10 is not a multiple of" in capsys.readouterr().err
