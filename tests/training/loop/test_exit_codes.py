"""Exit codes of a training run, and who prints its errors."""

import pytest

from spark_jobs.common.errors import ConfigurationError
from training.engine.interruption import EXIT_INTERRUPTED, InterruptedByRequestError
from training.loop.divergence import TrainingDivergedError
from training.loop.exit_codes import (
    EXIT_DIVERGED,
    EXIT_OUT_OF_MEMORY,
    EXIT_RANK_LOST,
    SAVED_FILE,
    run_with_exit_code,
    write_saved_file,
)


def failing(error):
    """A training that ends with this error."""

    def train():
        if error is not None:
            raise error

    return train


def explain_memory_error(error):
    return "use a smaller model" if isinstance(error, MemoryError) else None


@pytest.fixture(autouse=True)
def without_launcher(monkeypatch):
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (None, 0, ""),
        (
            InterruptedByRequestError(),
            EXIT_INTERRUPTED,
            "interrupted and saved; the same command with --set resume=true continues",
        ),
        (TrainingDivergedError("step 3: the loss is nan"), EXIT_DIVERGED, "error: step 3: the loss is nan"),
        (MemoryError(), EXIT_OUT_OF_MEMORY, "error: use a smaller model"),
        (RuntimeError("Connection reset by peer"), EXIT_RANK_LOST, "error: another rank has ended, so this one cannot continue."),
    ],
)
def test_an_error_with_a_remedy_is_printed_and_has_its_exit_code(error, code, message, capsys):
    assert run_with_exit_code(failing(error), explain_memory_error) == code
    assert capsys.readouterr().err.startswith(message)


@pytest.mark.parametrize("error", [ConfigurationError("steps: 0"), RuntimeError("shapes differ"), ValueError("unexpected")])
def test_any_other_error_of_the_first_rank_is_raised(error):
    with pytest.raises(type(error), match=str(error)):
        run_with_exit_code(failing(error), explain_memory_error)


def test_the_saved_file_is_written_where_the_variable_names_one(tmp_path, monkeypatch):
    monkeypatch.delenv(SAVED_FILE, raising=False)
    write_saved_file()
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv(SAVED_FILE, str(tmp_path / "saved"))
    write_saved_file()
    assert (tmp_path / "saved").is_file()
