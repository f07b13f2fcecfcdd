"""Progress without a terminal: lines with the bytes of all files."""

import pytest

from spark_jobs.dumps.remote import transfer_progress
from spark_jobs.dumps.remote.transfer_progress import TransferProgress


def test_lines_count_the_bytes_of_all_files_which_can_become_fewer(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer_progress, "_LINE_SECONDS", 0.0)
    with TransferProgress(3000) as progress, progress.track_file("a", 1000) as first, progress.track_file("b", 2000) as second:
        for report, present in ((first, 400), (second, 1500), (first, 0), (first, 1000), (second, 2000)):
            report(present)
    assert capsys.readouterr().err.splitlines() == [
        "  400 bytes of 3.0 kB are there",
        "  1.9 kB of 3.0 kB are there",
        "  1.5 kB of 3.0 kB are there",
        "  2.5 kB of 3.0 kB are there",
        "  3.0 kB of 3.0 kB are there",
    ]


def test_lines_are_seconds_apart(capsys) -> None:
    with TransferProgress(3000) as progress, progress.track_file("a", 1000) as report:
        report(400)
        report(500)
    assert capsys.readouterr().err == ""
