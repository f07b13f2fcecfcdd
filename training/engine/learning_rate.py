"""The learning rate of a step. Imports no torch."""

import math

from training.config import OptimizerSettings


def learning_rate(settings: OptimizerSettings, step: int, steps: int) -> float:
    """Learning rate of optimizer step `step` (0 is the first) of `steps`.

    Warm-up rises linearly and reaches the peak at its last step. Then x goes from 0 towards 1 over the remaining steps, and the
    rate is peak x (1 + cos(pi x)) / 2 (Loshchilov and Hutter 2017, eq. 5, without restarts), peak x (1 - x), or peak. With
    no warm-up, this is the rate that transformers' schedulers of the same names give.

    >>> s = OptimizerSettings(learning_rate=1.0, warmup_steps=2)
    >>> [round(learning_rate(s, step, 6), 3) for step in range(6)]
    [0.5, 1.0, 1.0, 0.854, 0.5, 0.146]
    """
    if step < settings.warmup_steps:
        return settings.learning_rate * (step + 1) / settings.warmup_steps
    x = (step - settings.warmup_steps) / (steps - settings.warmup_steps)
    factor = {"cosine": 0.5 * (1 + math.cos(math.pi * x)), "linear": 1 - x, "constant": 1.0}[settings.schedule]
    return settings.learning_rate * factor
