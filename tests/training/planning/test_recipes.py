"""Every recipe of conf/train, planned by `--dry-run` and compared with the published values."""

import io
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.settings import load_settings, read_config
from training.architectures.model_shapes import find_shape, published_shapes
from training.config import InsertionSettings, TrainSettings
from training.engine.deepspeed_config import build_deepspeed_config
from training.planning.dry_run import how_to_build, open_stream, show_plan
from training.planning.plan_report import plan_parts
from training.planning.run_plan import make_plan
from training.train import app

CONF = Path(__file__).resolve().parents[3] / "conf"

# Values that all recipes of the paper share: the authors' train.sh (github.com/leia-llm/leia at defbd7c), value by value.
TRAIN_SH = {
    "sequence_length": 2048,
    "micro_batch_size": 1,
    "accumulation": 256,
    "ranks": 8,
    "global_batch_size": 2048,
    "tokens_per_step": 4_194_304,
    "steps": 50,
    "tokens": 209_715_200,
    "precision": "bf16",
    "gradient_checkpointing": True,
}
ADAM = {"betas": (0.9, 0.95), "epsilon": 1e-6, "weight_decay": 0.1, "max_gradient_norm": 1.0, "warmup_steps": 0}
# 5e-6 (1 + cos(pi n / 50)) / 2 after n steps, to four digits: transformers' cosine schedule without warm-up.
LEARNING_RATES = {1: 5e-6, 2: 4.995e-6, 11: 4.523e-6, 26: 2.5e-6, 41: 4.775e-7, 50: 4.933e-9}

LEIA = InsertionSettings(strategy="right", probability=0.5, tags=True, predict_names=True)
NONE = InsertionSettings(strategy="none", probability=0.5, tags=True, predict_names=True)
LLAMA = ("meta-llama/Llama-2-7b-hf", "llama-2-7b", 6_738_415_616)
SWALLOW = ("tokyotech-llm/Swallow-7b-hf", "swallow-7b", 6_738_415_616 + 2 * (43_176 - 32_000) * 4096)


def ablation(**changes):
    return LEIA.model_copy(update=changes)


# The paper's languages with LLaMA-2 and Swallow's Japanese, each with its baseline; train.sh's switches, one at a time.
RECIPES = (
    {f"llama2-7b-{language}": (*LLAMA, f"{language}wiki", LEIA) for language in ("ar", "es", "hi", "ja", "ru", "sw", "zh")}
    | {f"llama2-7b-{language}-none": (*LLAMA, f"{language}wiki", NONE) for language in ("ar", "es", "hi", "ja", "ru", "sw", "zh")}
    | {"swallow-7b-ja": (*SWALLOW, "jawiki", LEIA), "swallow-7b-ja-none": (*SWALLOW, "jawiki", NONE)}
    | {
        f"llama2-7b-ja-{name}": (*LLAMA, "jawiki", insertion)
        for name, insertion in {
            "left": ablation(strategy="left"),
            "replace": ablation(strategy="replace"),
            "p025": ablation(probability=0.25),
            "p075": ablation(probability=0.75),
            "p100": ablation(probability=1.0),
            "no-tags": ablation(tags=False),
            "names-not-predicted": ablation(predict_names=False),
        }.items()
    }
)
OTHERS = {"tiny", "tiny_model", "llama2-7b"}
"""tiny is the demonstration, tiny_model makes a model, and llama2-7b leaves the language open."""


@pytest.fixture(scope="module")
def languages(tmp_path_factory, write_shards_to, corpus):
    """A small corpus of each recipe's wiki."""
    folder = tmp_path_factory.mktemp("languages")
    wikis = sorted({wiki for *_, wiki, _ in RECIPES.values()})
    return {wiki: write_shards_to(folder / wiki, wiki, corpus.rows["jawiki"]).folder for wiki in wikis}


@pytest.fixture(scope="module")
def shapes():
    """Shapes of the recipes' models, made once: each takes a second."""
    return {path: find_shape(path) for path in published_shapes()}


def dry_run(settings, capsys):
    """The output of `--dry-run`."""
    assert show_plan(settings) == 0
    return capsys.readouterr().out


def recipe(name, *overrides):
    return load_settings(TrainSettings, CONF / "train" / f"{name}.yaml", overrides)


def test_every_recipe_is_in_the_table_above():
    assert {path.stem for path in (CONF / "train").glob("*.yaml")} == {*RECIPES, *OTHERS}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_has_the_published_values(name, languages, shapes, in_repository):
    path, tokenizer, parameters, wiki, insertion = RECIPES[name]
    settings = recipe(name)
    assert (settings.model.path, settings.data.tokenizer, settings.data.wikis) == (path, tokenizer, (wiki,))
    assert (settings.data.pivot, settings.seed, settings.stream.bos, settings.stream.eos) == ("en", 42, True, False)
    assert settings.insertion == insertion

    folder = languages[wiki]
    settings = recipe(name, f"data.corpus={folder}", "data.tokenizer=words", f"data.cache={folder / 'cache'}")
    plan = make_plan(settings, build_deepspeed_config(settings, 1), settings.dry_run.ranks, shapes[path], open_stream(settings))
    assert {key: getattr(plan, key) for key in TRAIN_SH} == TRAIN_SH
    assert len(plan.learning_rates) == 50
    for step, rate in LEARNING_RATES.items():
        assert plan.learning_rates[step - 1] == pytest.approx(rate, rel=1e-3)
    assert settings.optimizer.model_dump(include=ADAM.keys()) == ADAM
    assert plan.model.shape.parameters == parameters
    assert [(row.stage, row.offload) for row in plan.memory if row.chosen] == [(3, "none")]

    (part,) = plan.wikis
    assert (part.wiki, part.sequences, part.tokens, part.share) == (wiki, 50 * 2048, 209_715_200, 1.0)
    p = 0.0 if insertion.strategy == "none" else insertion.probability
    assert part.names_inserted == pytest.approx(p * part.links_seen)
    assert part.epochs == pytest.approx(209_715_200 / part.epoch_tokens)

    console = Console(width=100, record=True, file=io.StringIO())
    console.print(*plan_parts(settings, plan))
    names = "no names" if insertion.strategy == "none" else f"names {insertion.strategy}, p = {p:g}"
    assert f"what it trains on: {names}" in console.export_text()


def test_output_folders_are_named_after_recipes():
    for name in RECIPES:
        assert recipe(name).output_dir == Path("build") / name


@pytest.mark.parametrize("name", RECIPES)
def test_conf_corpus_has_a_build_for_every_recipe(name, in_repository):
    settings = recipe(name)
    sentence = how_to_build(settings, settings.data.wikis)
    path = re.search(r"--config (\S+)", sentence)[1]
    built = read_config(Path(path))
    assert (built["output_dir"], built["encode"]["name"]) == (settings.data.corpus, settings.data.tokenizer)
    assert (built["encode"]["tokenizer"], built["pivots"]) == (settings.model.path, [settings.data.pivot])


def test_the_recipe_without_a_language_requires_one_and_accepts_any():
    with pytest.raises(ConfigurationError, match=r"data\.corpus: required.*\n.*data\.wikis: required.*\n.*output_dir: required"):
        recipe("llama2-7b")
    given = recipe("llama2-7b", "data.wikis=[kowiki]", "data.corpus=build/kowiki", "output_dir=build/llama2-7b-ko")
    japanese = recipe("llama2-7b-ja")
    assert given.model_copy(update={"data": japanese.data, "output_dir": japanese.output_dir}) == japanese


def test_the_plan_of_the_demonstration_is_for_its_two_ranks(in_repository, corpus, base_model, capsys):
    data = corpus.data
    settings = recipe("tiny", f"data.corpus={data['corpus']}", "data.tokenizer=words", f"model.path={base_model}")
    settings = settings.model_copy(update={"stream": settings.stream.model_copy(update={"sequence_length": 64})})
    shown = dry_run(settings, capsys)
    assert "micro-batch 4 x accumulation 1 x 2 ranks = 8 sequences x 64 tokens = 512 tokens a step" in shown
    assert "60 steps = 30,720 tokens" in shown
    assert not settings.output_dir.is_relative_to(corpus.folder)


def test_the_command_is_printed_if_conf_corpus_builds_the_corpus(in_repository):
    assert "python -m spark_jobs.build --config conf/corpus/llama2-ja.yaml" in how_to_build(recipe("llama2-7b-ja"), ["jawiki"])
    other = recipe("llama2-7b-ja", "data.corpus=/data/leia")
    assert "with wikis ['jawiki'], encode.name llama-2-7b and output_dir /data/leia" in how_to_build(other, ["jawiki"])


def test_the_learning_rates_are_those_of_the_cosine():
    for step, rate in LEARNING_RATES.items():
        assert rate == pytest.approx(2.5e-6 * (1 + math.cos(math.pi * (step - 1) / 50)), rel=1e-3)


def test_the_command_prints_a_plan_and_writes_nothing(in_repository, tmp_path):
    line = ["--config", "conf/train/llama2-7b-ja-p100.yaml", "--dry-run"]
    line += ["--set", f"data.corpus={tmp_path / 'corpus'}", "--set", f"output_dir={tmp_path / 'run'}"]
    done = CliRunner().invoke(app, line)
    assert done.exit_code == 0, done.output
    assert "50 steps = 209,715,200 tokens" in done.output
    assert "the corpus is not there yet" in done.output
    refused = CliRunner().invoke(app, [*line, "--set", "dry_run.ranks=7"])
    assert refused.exit_code == 2
    assert "the nearest values are 2044 and 2051" in refused.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_of_two_launched_ranks_one_prints_and_the_plan_is_for_both(repository, tmp_path):
    torchrun = [str(Path(sys.executable).with_name("torchrun")), "--standalone", "--nproc-per-node", "2"]
    line = [*torchrun, "training/train.py", "--config", "conf/train/llama2-7b-ja.yaml", "--dry-run"]
    line += ["--set", f"output_dir={tmp_path / 'run'}"]
    done = subprocess.run(line, cwd=repository, capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "100"})
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("50 steps = 209,715,200 tokens") == 1
    assert "accumulation 1024 x 2 ranks" in done.stdout
    assert not (tmp_path / "run").exists()
