"""The benchmark of a whole build."""

import pytest

pytest.importorskip("psutil")


def test_the_linear_fit_separates_the_fixed_cost_from_the_cost_of_a_gigabyte(load_benchmark) -> None:
    corpus, usage = load_benchmark("corpus"), load_benchmark("measuring.process_tree").Usage
    runs = [corpus.MeasuredBuild(gb * 1000, 10 * gb, usage(cpu={"workers": 10.0 * (2 + 3 * gb)}), {}) for gb in (0.5, 1, 2)]
    assert [run.ratio for run in runs] == [7, 5, 4]
    assert corpus.describe_scaling(runs) == (
        "CPU for a GB, 0.50 to 2.00 GB: 5.33 x bz2 within 31%; 2.00 x for the start, and 3.00 x for each GB"
    )
    assert corpus.describe_scaling(runs[:1]) == "CPU for a GB, 0.50 to 0.50 GB: 7.00 x bz2 within 0%"
