"""Contrasts: every model against each earlier one, tasks and benchmarks."""

import pytest


def test_each_model_is_compared_with_all_earlier_ones(three_contrasts):
    assert [(contrast.first, contrast.second, contrast.runs) for contrast in three_contrasts] == [
        ("base", "ft", (1, 1)), ("base", "leia", (1, 2)), ("ft", "leia", (1, 2)),
    ]  # fmt: skip


def test_translations_in_a_benchmark_are_one_cluster(three_contrasts):
    assert [(f.name, f.difference.items, f.difference.clusters) for f in three_contrasts[0].benchmarks] == [
        ("xcsqa, 3 languages", 600, 200), ("xcodah, 2 languages", 40, 20),
    ]  # fmt: skip


def test_points_are_the_difference_of_the_means_over_runs(three_contrasts):
    for contrast in three_contrasts:
        for finding in (*contrast.tasks, *contrast.benchmarks):
            assert finding.difference.points == pytest.approx(finding.second - finding.first)
            assert finding.p_holm >= finding.difference.p
            assert finding.difference.low <= finding.difference.points <= finding.difference.high
