"""The plots of a page."""

import pytest

from training.report.run_files import read_run_files
from training.report.run_plots import build_run_plots


@pytest.mark.parametrize(
    ("changes", "there", "absent"),
    [
        (
            {},
            {"Loss", "Learning rate", "Gradient norm", "Throughput", "Model FLOPs utilisation", "Waiting for data", "Memory"},
            set(),
        ),
        ({}, {"Tokens of each wiki", "Names inserted", "Tokens that the loss skips", "Tasks: acc", "Tasks: f1"}, set()),
        ({"steps": 1, "skipped": ()}, {"Loss", "Names inserted"}, {"Tasks: acc"}),
        ({"steps": 3, "skipped": (1, 2, 3)}, {"Loss", "Throughput"}, {"Gradient norm"}),
        ({"wikis": ()}, {"Loss"}, {"Tokens of each wiki", "Names inserted"}),
    ],
)
def test_every_known_metric_has_a_plot(make_run, tmp_path, changes, there, absent):
    folder = make_run(tmp_path / "run", **changes)
    titles = {plot.title for plot in build_run_plots([read_run_files(folder)], "step")}
    assert there <= titles
    assert not absent & titles


def test_a_wiki_has_the_same_colour_in_every_plot(make_run, wikis, tmp_path):
    styles: dict[str, set[int | None]] = {}
    for plot in build_run_plots([read_run_files(make_run(tmp_path / "run"))], "step"):
        for line in plot.lines:
            wiki = line.name.removeprefix("held out, ")
            if wiki in wikis:
                styles.setdefault(wiki, set()).add(line.style)
    assert styles == {wiki: {number} for number, wiki in enumerate(wikis)}
