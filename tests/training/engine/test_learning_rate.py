"""The learning rate of a step."""

import pytest

from training.config import OptimizerSettings
from training.engine.learning_rate import learning_rate


@pytest.mark.parametrize(
    ("schedule", "warmup", "expected"),
    [
        ("constant", 0, [1.0, 1.0, 1.0, 1.0]),
        ("linear", 0, [1.0, 0.75, 0.5, 0.25]),
        ("cosine", 0, [1.0, 0.853553390593, 0.5, 0.146446609407]),
        ("linear", 2, [0.5, 1.0, 1.0, 0.5]),
    ],
)
def test_the_learning_rate_follows_its_schedule(schedule, warmup, expected):
    settings = OptimizerSettings(learning_rate=1.0, schedule=schedule, warmup_steps=warmup)
    assert [learning_rate(settings, step, 4) for step in range(4)] == pytest.approx(expected, abs=1e-12)
