"""Names of tensors in checkpoints that hold more than a text model."""

import doctest

import pytest

from training.model import text_part
from training.model.text_part import TensorNames

CONVENTIONS = {
    "plain": (TensorNames("model.", "model.", ""), "model.layers.0.w", "lm_head.weight"),
    "wrapped": (
        TensorNames("model.", "language_model.model.", "language_model."),
        "language_model.model.layers.0.w",
        "language_model.lm_head.weight",
    ),
    "inside the model": (TensorNames("model.", "model.language_model.", ""), "model.language_model.layers.0.w", "lm_head.weight"),
}


def test_the_worked_examples_hold():
    assert doctest.testmod(text_part).failed == 0


@pytest.mark.parametrize("name", CONVENTIONS)
def test_names_translate_in_both_directions(name):
    tensors, body, head = CONVENTIONS[name]
    assert (tensors.in_checkpoint("model.layers.0.w"), tensors.in_checkpoint("lm_head.weight")) == (body, head)
    assert (tensors.in_text_model(body), tensors.in_text_model(head)) == ("model.layers.0.w", "lm_head.weight")


@pytest.mark.parametrize("name", ["wrapped", "inside the model"])
def test_a_name_of_the_text_model_is_not_one_of_the_checkpoint(name):
    assert CONVENTIONS[name][0].in_text_model("model.layers.0.w") is None
