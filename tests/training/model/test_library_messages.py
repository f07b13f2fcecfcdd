"""Messages of libraries on the console."""

import logging
import os
import warnings

import pytest

from training.model.library_messages import silence_libraries

NAMES = ("TRANSFORMERS_VERBOSITY", "HF_HUB_DISABLE_PROGRESS_BARS")


@pytest.fixture(autouse=True)
def restored_messages(monkeypatch):
    """The settings of messages are as before the test afterwards."""
    logger = logging.getLogger("DeepSpeed")
    level = logger.level
    for name in NAMES:
        monkeypatch.setenv(name, "")  # so that the variable is restored
        monkeypatch.delenv(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
    logger.setLevel(level)


def test_other_warnings_and_errors_remain():
    silence_libraries()
    with pytest.raises(UserWarning, match="remains"):
        warnings.warn("remains", UserWarning, stacklevel=1)
    assert logging.getLogger("DeepSpeed").isEnabledFor(logging.ERROR)


def test_notes_progress_bars_and_deprecations_are_hidden():
    silence_libraries()
    warnings.warn("hidden", FutureWarning, stacklevel=1)  # a warning would be an error here
    assert not logging.getLogger("DeepSpeed").isEnabledFor(logging.WARNING)
    assert [os.environ[name] for name in NAMES] == ["error", "1"]


def test_values_that_the_user_has_set_are_kept(monkeypatch):
    monkeypatch.setenv("TRANSFORMERS_VERBOSITY", "debug")
    silence_libraries()
    assert [os.environ[name] for name in NAMES] == ["debug", "1"]
