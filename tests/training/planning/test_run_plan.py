"""The plan of a run agrees with the run."""

import torch

from training.architectures.flops import flops_per_token
from training.architectures.model_shapes import find_shape, shape_of
from training.config import TrainSettings
from training.model.adapters import add_adapters
from training.model.model_loading import load_model
from training.planning.dry_run import show_plan
from training.planning.run_plan import make_plan


def test_adapters_are_counted_as_those_of_peft(run_settings, base_model, tmp_path, in_repository, capsys):
    given = {"path": str(base_model), "precision": "fp32", "lora": {"rank": 4}}
    settings = TrainSettings(**run_settings(tmp_path / "run", model=given))
    model = add_adapters(load_model(settings.model, torch.float32), settings.model.lora, 0)
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    plan = make_plan(settings, {"zero_optimization": {"stage": 2}}, 2, find_shape(str(base_model)), None)
    assert plan.trained == trained
    (chosen,) = (row.plain for row in plan.memory if row.chosen)
    assert chosen.parameters == 4 * sum(p.numel() for p in model.parameters())
    assert chosen.gradients == 4 * trained // 2
    assert plan.flops_per_token == flops_per_token(shape_of(model), 64, trained)
    assert plan.flops == plan.flops_per_token * 12 * 8 * 64
    assert show_plan(settings) == 0
    assert "M parameters of adapters are trained" in " ".join(capsys.readouterr().out.split())
