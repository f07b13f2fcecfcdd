"""Whole training runs, started as a person starts them."""

import json
import re

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.settings import load_settings
from training.config import OptimizerSettings, TrainSettings, accumulation_steps
from training.data.encoded_corpus import open_corpus
from training.engine.deepspeed_config import build_deepspeed_config
from training.engine.deepspeed_engine import build_model
from training.engine.launch_environment import Ranks
from training.engine.learning_rate import learning_rate
from training.loop.run_folder import Output
from training.loop.training_steps import step_seed
from training.model.document_mask import document_masking_arguments
from training.model.translation_tags import add_rows, add_tags
from training.stream.name_insertion import IGNORED
from training.stream.rolling_hash import RollingHash
from training.stream.stream_rules import make_stream_rules
from training.stream.token_stream import Stream
from training.train import main, train


def losses(run):
    return [line["loss"] for line in run.metrics]


@pytest.fixture(scope="module")
def run(finished_run):
    """ZeRO-2 on two ranks: the run that most tests below look at."""
    return finished_run(2)


@pytest.fixture
def stream(run):
    """The stream of that run, made here and on one rank."""
    settings = TrainSettings(**run.settings)
    tokenizer = AutoTokenizer.from_pretrained(settings.model.path)
    tags, _ = add_tags(tokenizer)
    return Stream(open_corpus(settings.data), make_stream_rules(settings, tokenizer, tags))


def test_the_loss_of_two_ranks_falls(run):
    assert len(losses(run)) == 12
    assert abs(losses(run)[0] - np.log(65)) < 0.2, "an untrained model should know nothing"
    assert losses(run)[-1] < losses(run)[0] - 1.0
    assert (run.summary["first_loss"], run.summary["last_loss"]) == (losses(run)[0], losses(run)[-1])


def test_the_first_loss_and_gradient_are_of_the_mean_over_all_predicted_tokens_of_the_global_batch(run, stream, base_model):
    # The gradient's norm must be looked at: AdamW does not feel its scale, and clipping hides it.
    settings = TrainSettings(**run.settings)
    assert (settings.micro_batch_size, accumulation_steps(8, settings.micro_batch_size, run.summary["ranks"])) == (2, 2)
    tokenizer = AutoTokenizer.from_pretrained(base_model)
    model = AutoModelForCausalLM.from_pretrained(base_model)
    add_rows(model, add_tags(tokenizer)[1])
    batch = stream.batch(0)
    assert len({int((row != IGNORED).sum()) for row in batch.labels}) > 1, (
        "rows of equal counts could not tell the two means apart"
    )
    expected = model(input_ids=torch.from_numpy(batch.input_ids), labels=torch.from_numpy(batch.labels)).loss
    expected.backward()
    assert losses(run)[0] == pytest.approx(expected.item(), abs=1e-5)
    norm = torch.nn.utils.get_total_norm([parameter.grad for parameter in model.parameters()])
    assert run.metrics[0]["gradient_norm"] == pytest.approx(norm.item(), rel=1e-4)


def test_the_logged_hash_and_counts_are_those_of_the_stream(run, stream):
    rolling = RollingHash()
    for step, line in enumerate(run.metrics):
        batch = stream.batch(step)
        assert line["stream_hash"] == rolling.update(batch.digests)
        assert [list(line["wikis"][wiki].values()) for wiki in ("eswiki", "jawiki")] == batch.counts.tolist()
        assert (line["links_seen"], line["links_inserted"]) == tuple(batch.counts.sum(axis=0)[2:].tolist())
    assert run.summary["stream_fingerprint"] == stream.fingerprint
    assert (run.summary["pivot"], run.summary["span_mapping"]) == ("en", "exact")


def test_every_step_logs_what_a_person_wants_to_know(run):
    optimizer = OptimizerSettings(**run.settings["optimizer"])
    for step, line in enumerate(run.metrics):
        assert line["step"] == step + 1
        assert line["tokens"] == (step + 1) * 8 * 64
        assert line["learning_rate"] == learning_rate(optimizer, step, 12)
        assert line["gradient_norm"] > 0
        assert line["tokens_per_second"] > 0
        assert 0 <= line["data_wait_share"] <= 1
    assert "step 12/12  loss" in run.stdout
    assert list((run.folder / "tensorboard").iterdir())


def test_the_resolved_configuration_lies_beside_the_run_and_loads(run):
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
    assert generated()[0] in tags, "without the saved setting they would come, or the case is void"


# --- what is refused, and how a run ends badly ---------------------------------------------------------------------------


def test_a_finished_run_is_not_overwritten(run):
    with pytest.raises(ConfigurationError, match=r"holds a finished run; choose another folder, or pass --set overwrite=true"):
        Output(TrainSettings(**run.settings)).check()


def test_overwriting_keeps_the_old_folder_under_another_name(run_settings, tmp_path):
    for text in ("first", "second", "third"):
        settings = TrainSettings(**run_settings(tmp_path / "run", overwrite=True))
        Output(settings).check()
        Output(settings).prepare({}, None)
        (tmp_path / "run" / "metrics.jsonl").write_text(text)
    found = {folder.name: (folder / "metrics.jsonl").read_text() for folder in tmp_path.iterdir()}
    assert found == {"run.1": "first", "run.2": "second", "run": "third"}


def test_an_unfinished_run_is_not_overwritten_either(run_settings, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "metrics.jsonl").write_text("{}")
    with pytest.raises(
        ConfigurationError, match=r"an unfinished run or other files; go on with it with --set resume=true, choose"
    ):
        Output(TrainSettings(**run_settings(tmp_path / "run"))).check()


def test_a_run_whose_tokens_see_their_own_document_only_trains_on_that_loss(finish, run_settings, base_model, tmp_path):
    options = {"sequence_length": 64, "mask_documents": True, "workers": 2}
    masked = finish(run_settings(tmp_path / "run", steps=3, stream=options), ranks=None)
    settings = TrainSettings(**masked.settings)
    tokenizer = AutoTokenizer.from_pretrained(base_model)
    tags, rows = add_tags(tokenizer)
    own = Stream(open_corpus(settings.data), make_stream_rules(settings, tokenizer, tags))
    model, batch = AutoModelForCausalLM.from_pretrained(base_model), own.batch(0)
    add_rows(model, rows)
    positions, ids, labels = (torch.from_numpy(values) for values in (batch.positions, batch.input_ids, batch.labels))
    expected = model(input_ids=ids, labels=labels, **document_masking_arguments(positions, model)).loss
    assert losses(masked)[0] == pytest.approx(expected.item(), abs=1e-5)
    assert masked.summary["stream_fingerprint"] == own.fingerprint


def test_a_batch_that_does_not_divide_ends_the_launch_with_one_message(launch, run_settings, tmp_path):
    done = launch(run_settings(tmp_path / "run", global_batch_size=10))
    assert done.returncode != 0
    assert done.stderr.count("10 is not a multiple of micro_batch_size x ranks = 2 x 2 = 4; the nearest values are 8 and 12") == 1
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("changes", "stage", "message"),
    [
        ({"stream": {"sequence_length": 129}}, 2, "stream.sequence_length: 129 exceeds the 128 positions"),
        ({"model": {"attention": "flash_attention_2", "precision": "fp32"}}, 2, "model.attention: 'flash_attention_2' "),
        ({"model": {"precision": "bf16"}}, 0, "ZeRO stage 0 in bf16"),
        ({"model": {"tokenizer words": 59}}, 2, r"model.path: the tokenizer of .* is not the one of the shards"),
        ({"model": {"tokenizer words": 60, "no BOS": True}}, 2, "stream.bos: true, but the tokenizer of .* has no BOS token"),
    ],
    ids=["positions", "attention", "precision", "vocabulary", "BOS"],
)
def test_what_can_be_refused_is_refused_before_ranks_meet_and_weights_are_read(
    run_settings, base_model, make_tokenizer, tmp_path, changes, stage, message
):
    model = dict(changes.get("model", {}))
    make_tokenizer(tmp_path / "model", model.pop("tokenizer words", 60))
    if model.pop("no BOS", False):
        settings = json.loads((tmp_path / "model" / "tokenizer_config.json").read_text())
        del settings["bos_token"]
        (tmp_path / "model" / "tokenizer_config.json").write_text(json.dumps(settings))
    (tmp_path / "model" / "config.json").write_bytes((base_model / "config.json").read_bytes())  # and no weights
    model["path"] = str(tmp_path / "model")
    with pytest.raises(ConfigurationError, match=message):
        train(TrainSettings(**run_settings(tmp_path / "run", stage, **changes | {"model": model})))
    assert not torch.distributed.is_initialized()
    assert not (tmp_path / "run").exists()


def test_an_error_that_only_a_later_rank_finds_is_told_with_the_rank(run_settings, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("training.train.PATIENCE", 0.0)  # the first rank of the machine has ended, or never found it
    for name, value in {"RANK": 3, "LOCAL_RANK": 1, "WORLD_SIZE": 4, "LOCAL_SIZE": 2}.items():
        monkeypatch.setenv(name, str(value))
    assert main(TrainSettings(**run_settings(tmp_path / "run", global_batch_size=10))) == 2
    assert "error (found by rank 3): global_batch_size: 10 is not a multiple of" in capsys.readouterr().err


def test_ranks_begin_with_the_same_weights_and_draw_their_own_dropout_in_each_step(run_settings, base_model, tmp_path):
    settings = TrainSettings(**run_settings(tmp_path / "run"))
    _, rows = add_tags(AutoTokenizer.from_pretrained(base_model))
    models = [build_model(settings, rows, "fp32", Ranks(rank, rank, 2, 2)) for rank in (0, 1)]
    weights = [{name: weight.tolist() for name, weight in model.state_dict().items()} for model in models]
    assert weights[0] == weights[1]
    seeds = {step_seed(seed, step, rank) for seed in (0, 1) for step in (0, 1) for rank in (0, 1)}
    assert len(seeds) == 8


PLAIN = {"tags": False, "probability": 0.0}
"""Without tags: the rows of tags would be means that hold the poison too."""


def poison(base_model, folder, token):
    """A copy of the model that turns one token into infinity."""
    folder.mkdir()
    for path in base_model.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    weights = load_file(folder / "model.safetensors")
    weights["model.embed_tokens.weight"][token] = float("inf")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return {"path": str(folder), "precision": "fp32"}


@pytest.fixture
def plain_batches(stream, base_model):
    """`plain_batches(settings)` is [steps, sequences, length], the tokens of such a run."""

    def batches(raw):
        settings = TrainSettings(**raw)
        plain = Stream(stream.corpus, make_stream_rules(settings, AutoTokenizer.from_pretrained(base_model), None))
        return np.stack([plain.batch(step).input_ids for step in range(settings.steps)])

    return batches


def test_a_loss_that_is_no_number_can_end_the_run_which_is_saved_and_names_step_and_sequences(
    launch, run_settings, base_model, plain_batches, tmp_path
):
    changes = {"micro_batch_size": 1, "insertion": PLAIN, "guard": {"stop_after": 1}, "steps": 3}
    first = plain_batches(run_settings(tmp_path / "run", **changes))[0]
    token = next(token for token in range(3, 63) if 0 < (first[:, :-1] == token).any(axis=1).sum() < 5)
    named = ", ".join(map(str, np.flatnonzero((first == token).any(axis=1))))
    model = poison(base_model, tmp_path / "broken", token)
    done = launch(run_settings(tmp_path / "run", model=model, **changes), ranks=None)
    assert done.returncode == 3, done.stderr
    assert (
        f"error: step 1: the loss is nan in sequences {named}; these steps were skipped: 1. The run ends here, saved"
        in done.stderr
    )
    assert not (tmp_path / "run" / "model").exists()
    assert not (tmp_path / "run" / "run.json").exists()
    assert (tmp_path / "run" / "checkpoints" / "step-000001" / "manifest.json").is_file()
    # Started again as it was, it ends again, and makes no step.
    changes |= {"model": model, "resume": True}
    done = launch(run_settings(tmp_path / "run", **changes), ranks=None)
    assert done.returncode == 3, done.stderr
    assert re.search(
        r"step-000001 is of a run that the guard has ended: these steps were skipped: 1 .*stop_after above 1,", done.stderr
    )
    assert [path.name for path in (tmp_path / "run" / "checkpoints").iterdir()] == ["step-000001"]
    assert (tmp_path / "run" / "metrics.jsonl").read_text().count("\n") == 1
    # With what the message says it goes on: here to the next step, which holds the token too.
    done = launch(run_settings(tmp_path / "run", **changes | {"guard": {"stop_after": 2}}), ranks=None)
    assert done.returncode == 3, done.stderr
    assert re.search(r"error: step 2: the loss is nan in sequences .*; these steps were skipped: 1, 2\.", done.stderr)


@pytest.mark.parametrize("stage", [2, *(pytest.param(stage, marks=pytest.mark.slow) for stage in (0, 1, 3))])
def test_a_skipped_step_changes_no_weight_and_the_run_goes_on(finish, run_settings, base_model, plain_batches, tmp_path, stage):
    # Small batches, so that there is a token of the first one (which is the hardest to skip) that few others have.
    changes = {"global_batch_size": 4, "micro_batch_size": 1, "stream": {"sequence_length": 16}, "insertion": PLAIN}
    batches = plain_batches(run_settings(tmp_path / "run", stage, **changes))
    held = {token: (batches == token).any(axis=(1, 2)) for token in range(3, 63)}
    token = min((token for token in held if held[token][0]), key=lambda token: held[token].sum())
    skipped = (np.flatnonzero(held[token]) + 1).tolist()
    assert len(skipped) < 7
    changes |= {"model": poison(base_model, tmp_path / "broken", token), "guard": {"stop_after": 12}}
    run = finish(run_settings(tmp_path / "run", stage, **changes))
    assert [line["step"] for line in run.metrics if line["skipped"] is not None] == skipped
    assert [line["loss"] is None for line in run.metrics] == [line["skipped"] is not None for line in run.metrics]
    events = [json.loads(line) for line in (run.folder / "events.jsonl").read_text().splitlines()]
    told = {event["step"]: event for event in events if event["event"] == "skipped"}
    assert list(told) == skipped
    assert told[1]["sequences"] == [str(row) for row in np.flatnonzero((batches[0] == token).any(axis=1))]
    assert run.summary["skipped_steps"] == len(skipped)
    accepted = [line["loss"] for line in run.metrics if line["skipped"] is None]
    assert (run.summary["first_loss"], run.summary["last_loss"]) == (accepted[0], accepted[-1])
    weights = load_file(run.folder / "model" / "model.safetensors")
    clean = torch.arange(len(weights["model.embed_tokens.weight"])) != token
    weights["model.embed_tokens.weight"] = weights["model.embed_tokens.weight"][clean]
    assert all(torch.isfinite(weight).all() for weight in weights.values())


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
    from training.tiny import TinyModelSettings, make

    sizes = {"hidden_size": 32, "num_layers": 1, "num_heads": 2, "intermediate_size": 32}
    make(TinyModelSettings(tokenizer=corpus.tokenizer, output_dir=tmp_path / "tied", tie_word_embeddings=True, **sizes))
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
