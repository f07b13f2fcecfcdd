"""Progress of a run over several wikis, without a terminal."""

import pytest

from spark_jobs.runtime import wiki_progress
from spark_jobs.runtime.wiki_progress import active_wiki_progress, show_wiki_progress


def run_and_fail() -> None:
    with show_wiki_progress(1):
        raise KeyError("x")


def test_the_progress_ends_with_its_body_even_after_an_exception() -> None:
    with pytest.raises(KeyError):
        run_and_fail()
    assert active_wiki_progress() is None
    with show_wiki_progress(1) as progress:
        assert active_wiki_progress() is progress
    assert active_wiki_progress() is None


def test_every_wiki_has_a_numbered_line(capsys) -> None:
    with show_wiki_progress(3) as progress:
        progress.finish_wiki("jawiki: 5 [articles]", failed=False)
        progress.finish_wiki("eswiki failed: damaged", failed=True)
    assert capsys.readouterr().err.splitlines() == ["  1/3  jawiki: 5 [articles]", "  2/3  eswiki failed: damaged"]


def test_lines_of_running_tasks_are_seconds_apart(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    with show_wiki_progress(3) as progress:
        progress.finish_wiki("a", failed=True)
        progress.log_tasks("jawiki: extract", 1, 10)
        assert capsys.readouterr().err == "  1/3  a\n"
        monkeypatch.setattr(wiki_progress, "LINE_SECONDS", 0.0)
        progress.log_tasks("jawiki: extract", 2, 10)
    printed = " ".join(capsys.readouterr().err.split())
    assert printed == "1 of 3 wikis are finished, 1 of them failed; jawiki: extract: 2 of 10 tasks"
