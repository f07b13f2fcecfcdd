"""The lines of a plan's report."""

import doctest
from types import SimpleNamespace

import pytest

from training.config import OptimizerSettings
from training.planning import plan_report
from training.planning.plan_report import adapter_text, compute_text, learning_rate_text, optimizer_text, sparkline


def test_the_worked_examples_hold():
    assert doctest.testmod(plan_report).failed == 0


@pytest.mark.parametrize(
    ("trained", "text"), [(7_000_000, ""), (123_456, "; 0.1 M parameters of adapters are trained")], ids=["all", "adapters"]
)
def test_adapters_are_mentioned_where_not_all_parameters_are_trained(trained, text):
    plan = SimpleNamespace(trained=trained, model=SimpleNamespace(shape=SimpleNamespace(parameters=7_000_000)))
    assert adapter_text(plan) == text


@pytest.mark.parametrize(
    ("changes", "end"),
    [({}, "weight decay 0.1, gradients clipped to 1"), ({"max_gradient_norm": 0.0}, "weight decay 0.1, gradients not clipped")],
)
def test_the_values_of_adamw_are_listed(changes, end):
    settings = SimpleNamespace(optimizer=OptimizerSettings(betas=(0.9, 0.95), epsilon=1e-6, **changes))
    assert optimizer_text(settings) == f"AdamW, betas 0.9 and 0.95, epsilon 1e-06, {end}"


def test_the_learning_rate_is_shown_at_quarters_and_at_the_end_of_the_warm_up():
    settings = SimpleNamespace(optimizer=OptimizerSettings(schedule="linear", warmup_steps=2))
    plan = SimpleNamespace(learning_rates=(0.5, 1.0, 1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125))
    assert learning_rate_text(settings, plan).splitlines() == [
        "linear, 2 steps of warm-up",
        "▅██▇▆▅▅▄▃▂",
        "  step  1  0.5",
        "  step  3  1",
        "  step  5  0.75",
        "  step  8  0.375",
        "  step 10  0.125",
    ]


def test_a_long_row_is_sampled_from_its_first_to_its_last_value():
    assert sparkline([number / 999 for number in range(1000)], width=8) == "▁▂▃▄▅▆▇█"
    assert sparkline([2.0]) == "█"


def test_hours_flops_and_speed_are_computed_from_the_same_figures():
    plan = SimpleNamespace(
        peak=1e12, mfu=0.5, flops_per_token=1e9, tokens_per_step=1000, flops=1e13, hours=0.25, ranks=2, gpu="GPU"
    )
    assert compute_text(plan) == (
        "1 GFLOP a token, 1 TFLOP a step, 10 TFLOP in all: 0.25 hours on 2 x GPU, if they reach 50% of their "
        "1 TFLOP/s (MFU), which is 500 tokens/s each"
    )
