"""Shapes of models: of a loaded model, of a configuration, as published."""

from training.config import TrainSettings
from training.model.model_loading import load_model, load_tokenizer
from training.model.model_shapes import find_shape, shape_of
from training.model.translation_tags import add_rows, add_tags


def test_the_shape_is_that_of_the_loaded_model_with_its_tags(run_settings, base_model, tmp_path):
    import torch

    settings = TrainSettings(**run_settings(tmp_path / "run"))
    tokenizer = load_tokenizer(str(base_model))
    (_, closing), rows = add_tags(tokenizer)
    model = load_model(settings.model, torch.float32)
    add_rows(model, rows)
    found = find_shape(str(base_model), closing + 1)
    assert found.shape == shape_of(model)
    assert (found.context, found.source) == (128, str(base_model / "config.json"))
