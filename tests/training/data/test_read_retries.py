"""Reads that are retried, and errors that are not."""

import re

import pytest

from training.data import read_retries
from training.data.corpus_errors import CorpusError
from training.data.read_retries import read_with_retries


def test_passing_errors_are_retried_and_permanent_ones_are_not(monkeypatch):
    monkeypatch.setattr(read_retries, "FIRST_WAIT", 0.001)
    for error, expected_calls in ((OSError("reset"), 3), (FileNotFoundError("gone"), 1), (PermissionError("no"), 1)):
        calls = []

        def action(error=error, calls=calls):
            calls.append(1)
            raise error

        with pytest.raises(CorpusError, match=f"the shard could not be read.*{error}"):
            read_with_retries(action, "the shard", 3)
        assert len(calls) == expected_calls


def test_a_failed_attempt_is_logged(monkeypatch, caplog):
    monkeypatch.setattr(read_retries, "FIRST_WAIT", 0.001)
    outcomes = iter([OSError("reset"), 7])

    def action():
        if isinstance(outcome := next(outcomes), OSError):
            raise outcome
        return outcome

    assert read_with_retries(action, "the shard", 3) == 7
    assert re.search(r"the shard: attempt 1 of 3 failed, the next in \d\.\d s: reset", caplog.text)
