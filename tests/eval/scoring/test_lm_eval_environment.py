"""The environment that lm-eval runs in."""

import logging
import os

import pytest

from eval.scoring.lm_eval_environment import use_quiet_environment

ALWAYS = {"TQDM_DISABLE": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "TOKENIZERS_PARALLELISM": "false"}
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}


@pytest.fixture(autouse=True)
def variables(monkeypatch):
    """One of the variables is set by the user, the others are not."""
    for name in ALWAYS | OFFLINE:
        monkeypatch.setenv(name, "")  # so that it is restored
        monkeypatch.delenv(name)
    monkeypatch.setenv("TQDM_DISABLE", "user's")


def values():
    return {name: os.environ[name] for name in ALWAYS | OFFLINE if name in os.environ}


def test_the_environment_is_restored_after_an_error():
    logger = logging.getLogger("lm_eval")
    before = logger.level

    def fail():
        with use_quiet_environment(offline=True):
            raise RuntimeError(f"level {logger.level}")

    with pytest.raises(RuntimeError, match=f"level {logging.ERROR}"):
        fail()
    assert values() == {"TQDM_DISABLE": "user's"}
    assert logger.level == before


@pytest.mark.parametrize(("offline", "expected"), [(False, ALWAYS), (True, ALWAYS | OFFLINE)])
def test_the_network_is_off_only_where_all_data_are_local(offline, expected):
    with use_quiet_environment(offline):
        assert values() == expected
    assert values() == {"TQDM_DISABLE": "user's"}
