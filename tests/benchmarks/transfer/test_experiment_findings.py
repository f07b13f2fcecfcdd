"""The sentences and tables that the experiment's scores give."""

import doctest

import pytest

from eval.analysis.contrasts import TaskComparison


def test_examples_in_docstrings_hold(load):
    assert doctest.testmod(load("experiment_findings")).failed == 0


def contrast(first, second, points, p):
    from eval.analysis.contrasts import Contrast
    from eval.analysis.significance import PairedDifference

    difference = PairedDifference(points, points - 1, points + 1, p, 1.0, 100, 100, "permutation")
    kinds = {"asked": "ja", "beside": "ja", "inplace": "ja", "stated": "ja", "source": "en"}
    rows = [
        TaskComparison(f"transfer_{kind}_{code}", "acc", code, 10, 10 + points, difference, p) for kind, code in kinds.items()
    ]
    return Contrast(first, second, (2, 2), tuple(rows), ())


def contrasts(p):
    pairs = {("none", "right"): (20, p), ("none", "left"): (5, 0.3), ("right", "left"): (-15, 5 * p)}
    return [contrast("base", arm, -2, 0.5) for arm in ("none", "right", "left")] + [
        contrast(*pair, *found) for pair, found in pairs.items()
    ]


def accuracy(asked, shown):
    return {"asked": asked, "beside": shown, "inplace": (10.0, 11.0), "stated": (50.0, 51.0), "source": (90.0, 91.0)}


@pytest.mark.parametrize(
    ("shown", "p", "expected"),
    [
        (
            (80.0, 81.0),
            0.001,
            [
                "it holds",
                (
                    "right against none: +20.0 points (+19.0 to +21.0), p 0.001, after Holm's correction over 2 "
                    "comparisons 0.002: a difference is shown."
                ),
                (
                    "left against none: +5.0 points (+4.0 to +6.0), p 0.300, after Holm's correction over 2 comparisons 0.300: "
                    "not shown at 5 %."
                ),
                "Best: right, 30.5 (24.1 to 36.9) %, shown to be above none, left.",
                "English, right: -2.0 points (-3.0 to -1.0) against base, +20.0 points (+19.0 to +21.0) against none.",
            ],
        ),
        ((11.0, 12.0), 0.04, ["it does not hold", "comparisons 0.080: not shown at 5 %", "not shown to be above any other"]),
    ],
)
def test_the_summary_agrees_with_the_figures(shown, p, expected, load):
    accuracies = {
        "base": accuracy((10.0, 10.5), shown),
        "none": accuracy((10.0, 11.0), shown),
        "right": accuracy((30.0, 31.0), shown),
        "left": accuracy((20.0, 21.0), shown),
    }
    summary = "\n".join(
        load("experiment_findings").summary_sentences(accuracies, contrasts(p), ["none", "right", "left"], 10.0, None)
    )
    for part in expected:
        assert part in summary


@pytest.mark.parametrize("masked", [("right", "left"), ("left", "right"), ("none", "left")])
def test_predicted_names_are_compared_whatever_the_order_of_the_arms(masked, load):
    accuracies = {arm: accuracy((10.0, 11.0), (80.0, 81.0)) for arm in ("base", "none", "right", "left")}
    sentences = load("experiment_findings").summary_sentences(
        accuracies, contrasts(0.01), ["none", "right", "left"], 10.0, masked
    )
    pair = ("right", "left") if "right" in masked else ("none", "left")
    assert sum(f"only seen ({pair[1]} against {pair[0]}): " in sentence for sentence in sentences) == 1


def test_p_is_corrected_within_a_question_and_other_kinds_of_questions_do_not_count(load):
    against_plain, among = load("experiment_findings").planned_families(contrasts(0.01), ["none", "right", "left"])
    assert [(row.first, row.second, row.finding.p_holm) for row in against_plain.rows] == [
        ("none", "right", 0.02),
        ("none", "left", 0.3),
    ]
    assert [(row.first, row.second, row.finding.p_holm) for row in among.rows] == [("right", "left", 0.05)]
    assert {row.finding.name for family in (against_plain, among) for row in family.rows} == {"transfer_asked_ja"}
