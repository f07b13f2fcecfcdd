"""The output of `--dry-run`, and refusals."""

import json
from pathlib import Path

import pytest
from transformers import Llama4TextConfig, MixtralConfig

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.settings import load_settings
from training.config import TrainSettings
from training.data.encoded_corpus import open_corpus
from training.model.model_loading import load_tokenizer
from training.model.translation_tags import add_tags
from training.planning.dry_run import open_stream, show_plan
from training.stream.stream_rules import make_stream_rules
from training.stream.token_stream import Stream

RECIPE = Path(__file__).resolve().parents[3] / "conf" / "train" / "llama2-7b-ja.yaml"


def dry_run(settings, capsys):
    """The output of `--dry-run`."""
    assert show_plan(settings) == 0
    return capsys.readouterr().out


@pytest.fixture
def llama(in_repository, tmp_path):
    """The Japanese recipe, with an output folder that does not exist."""
    return load_settings(TrainSettings, RECIPE, [f"output_dir={tmp_path / 'run'}", f"data.corpus={tmp_path / 'jawiki'}"])


def test_without_corpus_and_weights_the_plan_says_how_to_get_both(llama, capsys):
    shown = " ".join(dry_run(llama, capsys).split())
    assert "its published shape (Llama 2, arXiv 2307.09288), for meta-llama/Llama-2-7b-hf is not on this machine" in shown
    assert "micro-batch 1 x accumulation 256 x 8 ranks = 2,048 sequences x 2,048 tokens = 4,194,304 tokens a step" in shown
    assert "50 steps = 209,715,200 tokens" in shown
    # 9.0 EFLOP and 12.6 GiB of optimizer states are calculated in the tests of FLOPs and memory.
    assert "42.9 GFLOP a token, 180 PFLOP a step, 8.99 EFLOP in all: 2.50 hours on 8 x NVIDIA A100-SXM4-80GB" in shown
    assert "the corpus is not there yet" in shown
    assert "epochs and links are not planned" in shown
    assert "the weights of meta-llama/Llama-2-7b-hf are not on this machine" in shown
    assert "what it trains on" not in shown
    assert not llama.output_dir.exists()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("dry_run.ranks=7", r"2048 is not a multiple of .*nearest values are 2044 and 2051; or keep it and start 4 or 8 ranks"),
        ("micro_batch_size=3", r"= 3 x 8 = 24; the nearest values are 2040 and 2064$"),
        (
            "dry_run.gpu=NVIDIA A100",
            r"dry_run\.gpu: the peak of 'NVIDIA A100' in bf16 is unknown; .*NVIDIA A100-SXM4-80GB",
        ),
        ("dry_run.gpu=Tesla T4", r"the peak of 'Tesla T4' in bf16 is unknown"),
        ("stream.sequence_length=8192", r"stream\.sequence_length: 8192 exceeds the 4096 positions"),
        ("deepspeed=conf/deepspeed/zero0.json", r"ZeRO stage 0 in bf16"),
        ("deepspeed=nowhere.json", r"deepspeed: nowhere\.json does not exist"),
        ("model.path=no/such/folder", r"model\.path: 'no/such/folder' is neither a folder with a config\.json, nor"),
    ],
)
def test_configurations_that_the_run_would_refuse_are_refused(llama, override, message):
    settings = load_settings(TrainSettings, RECIPE, [f"output_dir={llama.output_dir}", override])
    with pytest.raises(ConfigurationError, match=message):
        show_plan(settings)


def test_a_damaged_corpus_is_an_error_unlike_a_missing_one(llama, fresh_corpus):
    next(fresh_corpus.wiki("jawiki").glob("*.parquet")).unlink()
    data = llama.data.model_copy(update={"corpus": str(fresh_corpus.folder), "tokenizer": "words"})
    with pytest.raises(ConfigurationError, match="is missing, and the manifest names it"):
        show_plan(llama.model_copy(update={"data": data}))


def test_under_a_launcher_the_plan_is_for_its_ranks_and_only_the_first_one_prints(llama, capsys, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "16")
    monkeypatch.setenv("RANK", "0")
    assert "accumulation 128 x 16 ranks" in dry_run(llama, capsys)
    monkeypatch.setenv("RANK", "3")
    assert dry_run(llama, capsys) == ""


def test_an_output_folder_that_is_taken_is_a_note(llama, capsys):
    llama.output_dir.mkdir()
    (llama.output_dir / "run.json").write_text("{}")
    assert "as things are, the run would not start: output_dir: " in dry_run(llama, capsys)


def test_a_plan_for_a_mixture_of_experts_counts_the_experts_that_a_token_uses(llama, tmp_path, capsys):
    MixtralConfig(vocab_size=32_000).save_pretrained(tmp_path / "mixtral")
    model = llama.model.model_copy(update={"path": str(tmp_path / "mixtral")})
    shown = " ".join(dry_run(llama.model_copy(update={"model": model}), capsys).split())
    assert "46,702.8 M parameters in bf16" in shown
    assert "; a token uses 12,879.9 M of them, with 2 experts in a layer" in shown
    # 6 x (12,879.9 - 131.1) million + 12 x 32 x 4,096 x 2,048
    assert "79.7 GFLOP a token" in shown


def test_a_model_that_the_run_would_refuse_is_a_note(llama, tmp_path, capsys):
    Llama4TextConfig(num_hidden_layers=2).save_pretrained(tmp_path / "llama4")
    model = llama.model.model_copy(update={"path": str(tmp_path / "llama4")})
    shown = " ".join(dry_run(llama.model_copy(update={"model": model}), capsys).split())
    assert "as things are, the run would not start: model.path: the configuration of llama4_text asks for a router's" in shown


def test_the_plan_is_written_as_json_too(run_settings, tmp_path, in_repository, capsys):
    file = tmp_path / "plans" / "plan.json"
    shown = dry_run(TrainSettings(**run_settings(tmp_path / "run", dry_run={"ranks": 4, "json_file": str(file)})), capsys)
    plan = json.loads(file.read_text())
    assert (plan["ranks"], plan["accumulation"], plan["tokens"]) == (4, 1, 12 * 8 * 64)
    assert len(plan["learning_rates"]) == plan["steps"] == 12
    assert [wiki["wiki"] for wiki in plan["wikis"]] == ["eswiki", "jawiki"]
    for row in plan["memory"]:
        one = row["checkpointed"]
        assert one["total"] >= one["parameters"] + one["gradients"] + one["optimizer"]
    assert "eswiki" in shown


def test_the_stream_is_the_one_that_the_run_trains_on(run_settings, corpus, tmp_path):
    settings = TrainSettings(**run_settings(tmp_path / "run"))
    tokenizer = load_tokenizer(settings.model.path)
    tags, _ = add_tags(tokenizer)
    run = Stream(open_corpus(settings.data), make_stream_rules(settings, tokenizer, tags))
    assert open_stream(settings).fingerprint == run.fingerprint
    without_model = settings.model_copy(update={"model": settings.model.model_copy(update={"path": "no/such-model"})})
    assert open_stream(without_model).fingerprint == run.fingerprint
