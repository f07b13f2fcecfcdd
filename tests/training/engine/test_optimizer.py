"""AdamW behind a gate, and its parameter groups."""

import pytest
import torch
from torch import nn

from training.config import OptimizerSettings
from training.engine.optimizer import GatedAdamW, build_optimizer

SETTINGS = OptimizerSettings(learning_rate=0.1, betas=(0.5, 0.75), epsilon=1e-3, weight_decay=0.2)


def model_with_gradient(seed=0):
    """A linear layer with a bias and a gradient."""
    torch.manual_seed(seed)
    model = nn.Linear(3, 2)
    model(torch.ones(1, 3)).sum().backward()
    return model


def values(model):
    return [parameter.tolist() for parameter in model.parameters()]


def test_a_refused_first_step_changes_no_parameter_but_moments_exist():
    model = model_with_gradient()
    optimizer, before = build_optimizer(SETTINGS, model), values(model)
    optimizer.gate = lambda: False
    assert optimizer.step() is None
    assert values(model) == before
    for parameter in model.parameters():
        state = optimizer.state[parameter]
        assert (state["step"].item(), state["exp_avg"].abs().sum().item(), state["exp_avg_sq"].abs().sum().item()) == (0, 0, 0)


def test_after_a_refused_step_the_next_one_is_that_of_a_run_without_it():
    refusing, plain = model_with_gradient(), model_with_gradient()
    answers = iter([True, False, True])
    optimizer, expected = build_optimizer(SETTINGS, refusing), build_optimizer(SETTINGS, plain)
    optimizer.gate = lambda: next(answers)
    for _ in range(3):
        optimizer.step()
    for _ in range(2):
        expected.step()
    assert values(refusing) == values(plain)
    assert [state["step"].item() for state in optimizer.state.values()] == [2, 2]


def test_without_a_gate_steps_are_those_of_torch():
    model, other = model_with_gradient(), model_with_gradient()
    optimizer = build_optimizer(SETTINGS, model)
    groups = [{"params": [other.weight], "weight_decay": 0.2}, {"params": [other.bias], "weight_decay": 0.0}]
    theirs = torch.optim.AdamW(groups, lr=0.1, betas=(0.5, 0.75), eps=1e-3)
    before = values(model)
    for _ in range(2):
        optimizer.step()
        theirs.step()
    assert values(model) == values(other) != before


@pytest.mark.parametrize(
    ("frozen", "groups"),
    [
        ((), [(["weight"], 0.2), (["bias"], 0.0)]),
        (("bias",), [(["weight"], 0.2)]),  # a group without parameters is left out
        (("weight",), [(["bias"], 0.0)]),
    ],
)
def test_matrices_decay_vectors_do_not_and_frozen_parameters_are_left_out(frozen, groups):
    model = nn.Linear(3, 2)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    for name in frozen:
        getattr(model, name).requires_grad_(False)
    optimizer = build_optimizer(SETTINGS, model)
    assert isinstance(optimizer, GatedAdamW)
    found = [([names[id(p)] for p in group["params"]], group["weight_decay"]) for group in optimizer.param_groups]
    assert found == groups
