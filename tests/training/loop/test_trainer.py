"""Whole training runs, started with the command of a user."""

import json

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.settings import load_settings
from training.config import TrainSettings, accumulation_steps
from training.engine.deepspeed_config import build_deepspeed_config
from training.model.tiny_model import TinyModelSettings, make_tiny_model
from training.model.translation_tags import add_rows, add_tags
from training.records.page_updates import RUN_PAGE
from training.records.run_folder import RunFolder
from training.stream.name_insertion import IGNORED

from ..run_metrics import losses


@pytest.fixture(scope="module")
def run(finished_run):
    """ZeRO-2 on two ranks: the run that most tests below check."""
    return finished_run(2)


def test_the_loss_of_two_ranks_falls(run):
    assert len(losses(run)) == 12
    assert abs(losses(run)[0] - np.log(65)) < 0.2, "an untrained model should know nothing"
    assert losses(run)[-1] < losses(run)[0] - 1.0
    assert (run.summary["first_loss"], run.summary["last_loss"]) == (losses(run)[0], losses(run)[-1])


def test_the_first_loss_and_gradient_are_of_the_mean_over_all_predicted_tokens_of_the_global_batch(run, stream, base_model):
    # The norm of the gradient is checked because AdamW does not depend on its scale, and clipping hides it.
    settings = TrainSettings(**run.settings)
    assert (settings.micro_batch_size, accumulation_steps(8, settings.micro_batch_size, run.summary["ranks"])) == (2, 2)
    tokenizer = AutoTokenizer.from_pretrained(base_model)
    model = AutoModelForCausalLM.from_pretrained(base_model)
    add_rows(model, add_tags(tokenizer)[1])
    batch = stream.batch(0)
    assert len({int((row != IGNORED).sum()) for row in batch.labels}) > 1, (
        "with equal counts in all rows the two means would be the same"
    )
    expected = model(input_ids=torch.from_numpy(batch.input_ids), labels=torch.from_numpy(batch.labels)).loss
    expected.backward()
    assert losses(run)[0] == pytest.approx(expected.item(), abs=1e-5)
    norm = torch.nn.utils.get_total_norm([parameter.grad for parameter in model.parameters()])
    assert run.metrics[0]["gradient_norm"] == pytest.approx(norm.item(), rel=1e-4)


def test_the_resolved_configuration_is_in_the_folder_of_the_run_and_loads(run):
    assert load_settings(TrainSettings, run.folder / "config.yaml") == TrainSettings(**run.settings)
    assert yaml.safe_load((run.folder / "config.yaml").read_text())["insertion"]["probability"] == 0.5
    used = json.loads((run.folder / "deepspeed.json").read_text())
    assert used == build_deepspeed_config(TrainSettings(**run.settings), accumulation=2)
    assert (used["zero_optimization"]["stage"], used["gradient_accumulation_steps"]) == (2, 2)


def test_the_saved_directory_loads_and_holds_the_trained_weights(run, stream):
    model = AutoModelForCausalLM.from_pretrained(run.folder / "model")
    assert sorted(path.name for path in (run.folder / "model").iterdir() if path.suffix in (".bin", ".pt", ".pkl")) == []
    batch = stream.batch(0)
    with torch.no_grad():
        loss = model(input_ids=torch.from_numpy(batch.input_ids), labels=torch.from_numpy(batch.labels)).loss
    assert float(loss) < losses(run)[0] - 1.0


def test_the_saved_model_never_generates_tags_even_where_they_are_the_likeliest_tokens(run):
    model = AutoModelForCausalLM.from_pretrained(run.folder / "model")
    tokenizer = AutoTokenizer.from_pretrained(run.folder / "model")
    tags = tokenizer.convert_tokens_to_ids(["<translate>", "</translate>"])
    prompt = tokenizer("w5 w6 w7", return_tensors="pt", return_token_type_ids=False)
    with torch.no_grad():
        state = model.model(**prompt).last_hidden_state[0, -1]
        model.get_output_embeddings().weight[tags] = 100 * state

    def generated():
        return model.generate(**prompt, max_new_tokens=20, do_sample=False)[0, prompt["input_ids"].shape[1] :].tolist()

    assert not set(generated()) & set(tags)
    model.generation_config.suppress_tokens = None
    assert generated()[0] in tags, "without the saved setting the tags would be generated, or the test checks nothing"


def test_training_draws_its_page_at_the_end(run):
    page = (run.folder / RUN_PAGE).read_text()
    summary = json.loads((run.folder / "run.json").read_text())
    assert "A finished training run" in page
    assert all(summary[name] in page for name in ("data_fingerprint", "stream_fingerprint", "stream_hash"))
    assert "run.html could not be drawn" not in run.stdout


def test_a_finished_run_is_not_overwritten(run):
    with pytest.raises(ConfigurationError, match=r"holds a finished run; choose another folder, or pass --set overwrite=true"):
        RunFolder(TrainSettings(**run.settings)).check()


# --- every stage, launcher and precision ---------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", [0, 1])
def test_the_losses_of_zero_stages_0_1_and_2_agree(finished_run, run, stage):
    other = finished_run(stage)
    # Stages add gradients up in different orders, so float32 results differ in their last bits from the second step on.
    assert losses(other)[0] == losses(run)[0]
    assert losses(other) == pytest.approx(losses(run), rel=1e-5)
    assert [line["stream_hash"] for line in other.metrics] == [line["stream_hash"] for line in run.metrics]
    norms = [[line["gradient_norm"] for line in one.metrics] for one in (other, run)]
    assert norms[0] == pytest.approx(norms[1], rel=1e-4)


def test_zero_3_trains_as_zero_2_does_and_saves_a_whole_model(finished_run, run):
    other = finished_run(3)
    assert losses(other) == pytest.approx(losses(run), rel=1e-4)
    assert other.metrics[0]["gradient_norm"] == pytest.approx(run.metrics[0]["gradient_norm"], rel=1e-4)
    shapes = [
        {name: tuple(w.shape) for name, w in load_file(one.folder / "model" / "model.safetensors").items()}
        for one in (other, run)
    ]
    assert shapes[0] == shapes[1]
    AutoModelForCausalLM.from_pretrained(other.folder / "model")


@pytest.mark.slow
@pytest.mark.parametrize("stage", [2, 3])
def test_a_tied_model_trains_and_stays_tied(finish, run_settings, corpus, tmp_path, stage):
    sizes = {"hidden_size": 32, "num_layers": 1, "num_heads": 2, "intermediate_size": 32}
    make_tiny_model(
        TinyModelSettings(tokenizer=corpus.tokenizer, output_dir=tmp_path / "tied", tie_word_embeddings=True, **sizes)
    )
    run = finish(run_settings(tmp_path / "run", stage, model={"path": str(tmp_path / "tied"), "precision": "fp32"}))
    assert losses(run)[-1] < losses(run)[0]
    model = AutoModelForCausalLM.from_pretrained(run.folder / "model")
    assert model.get_input_embeddings().weight is model.get_output_embeddings().weight
    assert model.config.vocab_size == 65


@pytest.mark.slow
def test_one_rank_without_a_launcher_sees_the_same_data_and_learns_the_same(finish, run_settings, run, tmp_path):
    alone = finish(run_settings(tmp_path / "run"), ranks=None)
    assert alone.summary["ranks"] == 1
    assert [line["stream_hash"] for line in alone.metrics] == [line["stream_hash"] for line in run.metrics]
    assert losses(alone) == pytest.approx(losses(run), rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("stage", [2, 3])
def test_bf16_with_gradient_checkpointing_learns(finish, run_settings, run, base_model, tmp_path, stage):
    model = {"path": str(base_model), "precision": "bf16", "gradient_checkpointing": True}
    other = finish(run_settings(tmp_path / "run", stage, model=model))
    assert losses(other) == pytest.approx(losses(run), abs=0.1)
    assert other.metrics[0]["gradient_norm"] == pytest.approx(run.metrics[0]["gradient_norm"], rel=0.02)
    saved = load_file(other.folder / "model" / "model.safetensors")
    assert losses(other) != losses(run)
    assert {w.dtype for w in saved.values()} == {torch.bfloat16}
