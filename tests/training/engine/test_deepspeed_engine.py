"""The model of an engine, and the precision of the weights that its optimizer updates."""

from transformers import AutoTokenizer

from training.config import TrainSettings
from training.engine.deepspeed_engine import build_model
from training.engine.launch_environment import Ranks
from training.loop.optimizer_step import dropout_seed
from training.model.translation_tags import add_tags


def test_ranks_begin_with_the_same_weights_and_draw_their_own_dropout_in_each_step(run_settings, base_model, tmp_path):
    settings = TrainSettings(**run_settings(tmp_path / "run"))
    _, rows = add_tags(AutoTokenizer.from_pretrained(base_model))
    models = [build_model(settings, rows, "fp32", Ranks(rank, rank, 2, 2)) for rank in (0, 1)]
    weights = [{name: weight.tolist() for name, weight in model.state_dict().items()} for model in models]
    assert weights[0] == weights[1]
    seeds = {dropout_seed(seed, step, rank) for seed in (0, 1) for step in (0, 1) for rank in (0, 1)}
    assert len(seeds) == 8
