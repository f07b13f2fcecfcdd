"""What a run measures and records beside its steps."""

import doctest
import gzip
import json
import math

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import training.loop.metrics_log
import training.loop.task_scoring
from training.config import TrainSettings
from training.data.encoded_corpus import open_corpus
from training.engine.launch_environment import Ranks
from training.loop.held_out_loss import HeldOut
from training.loop.metrics_log import cut_back, read_lines
from training.loop.run_folder import Summary
from training.loop.task_scoring import Scoring, TaskEvaluationError
from training.model.translation_tags import add_rows, add_tags
from training.stream.stream_rules import make_stream_rules
from training.stream.token_stream import Stream

HELD_OUT = 0.3


@pytest.fixture(scope="module")
def watched(finish, run_settings, corpus, tmp_path_factory):
    """Two ranks, four steps, everything on but tasks: (settings, events, metrics, folder)."""
    folder = tmp_path_factory.mktemp("watched") / "run"
    settings = run_settings(
        folder,
        steps=4,
        data=corpus.data | {"held_out": HELD_OUT},
        evaluation={"every": 2, "sequences": 3},
        checkpoint={"every": 2, "keep": 1},
        log={"tensorboard": True, "profile": [2, 3]},
    )
    finish(settings)
    return settings, read_lines(folder / "events.jsonl"), read_lines(folder / "metrics.jsonl"), folder


def test_held_out_articles_are_measured_before_between_and_after_the_steps(watched):
    _, events, _, _ = watched
    assert [(e["step"], e["event"]) for e in events] == [
        (0, "held_out"),
        (2, "held_out"),
        (2, "checkpoint"),
        (4, "held_out"),
    ]
    assert all(set(e["loss"]) == {"eswiki", "jawiki"} for e in events if e["event"] == "held_out")


def test_the_held_out_loss_is_that_of_plain_text_of_held_out_articles(watched, base_model):
    raw, events, _, _ = watched
    settings = TrainSettings(**raw)
    tokenizer = AutoTokenizer.from_pretrained(base_model)
    model = AutoModelForCausalLM.from_pretrained(base_model)
    tags, rows = add_tags(tokenizer)
    add_rows(model, rows)
    for wiki, found in events[0]["loss"].items():
        # The same articles in the same order, by the stream of one wiki that is asked for nothing but them.
        alone = settings.model_copy(
            update={
                "data": settings.data.model_copy(update={"wikis": (wiki,)}),
                "global_batch_size": 1,
                "insertion": settings.insertion.model_copy(update={"strategy": "none"}),
            }
        )
        stream = Stream(open_corpus(alone.data), make_stream_rules(alone, tokenizer, None, "held_out"))
        whole = int(stream.plan.wikis[0].epoch(0).totals().sum()) // 64
        batch = stream.read(range(min(3, whole)))
        ids, labels = torch.from_numpy(batch.input_ids), torch.from_numpy(batch.labels)
        assert found == pytest.approx(model(input_ids=ids, labels=labels).loss.item(), abs=1e-5)
    assert events[-1]["loss"]["jawiki"] < events[0]["loss"]["jawiki"]
    assert tags


def test_measuring_does_not_depend_on_the_number_of_ranks(watched, corpus, base_model, tmp_path):
    raw, events, _, _ = watched
    settings = TrainSettings(**raw)
    opened, tokenizer = open_corpus(settings.data), AutoTokenizer.from_pretrained(base_model)
    model = AutoModelForCausalLM.from_pretrained(base_model)
    tags, rows = add_tags(tokenizer)
    add_rows(model, rows)
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/meet", rank=0, world_size=1)
    try:
        held_out = HeldOut(settings, opened, make_stream_rules(settings, tokenizer, tags))
        alone = held_out.losses(model, Ranks(0, 0, 1, 1), torch.device("cpu"))
    finally:
        torch.distributed.destroy_process_group()
    assert alone == pytest.approx(events[0]["loss"], abs=1e-5)
    assert model.training


def test_each_step_says_what_it_cost_and_on_a_cpu_there_is_no_mfu(watched):
    _, _, metrics, _ = watched
    for line in metrics:
        assert line["tokens_per_second_per_gpu"] == pytest.approx(line["tokens_per_second"] / 2)
        assert line["mfu"] is None
        assert 100e6 < line["memory_bytes"] < 10e9


def test_the_steps_that_were_asked_for_are_profiled_on_every_rank(watched):
    folder = watched[-1]
    for rank in (0, 1):
        trace = json.loads(gzip.decompress((folder / "profile" / f"rank{rank}.json.gz").read_bytes()))
        assert any("aten::mm" in event.get("name", "") for event in trace["traceEvents"])


@pytest.mark.slow
def test_tasks_are_scored_while_a_model_trains(finish, run_settings, repository, tmp_path):
    config = {
        "model": "unused",
        "tasks": ["xcodah_ja"],
        "data_dir": str(repository / "tests" / "sample" / "eval"),
        "limit": 2,
        "output_dir": "unused",
        "device": "cpu",
    }
    (tmp_path / "tasks.yaml").write_text(json.dumps(config))
    settings = run_settings(tmp_path / "run", steps=3, evaluation={"every": 3, "tasks": str(tmp_path / "tasks.yaml")})
    finish(settings)
    events = read_lines(tmp_path / "run" / "events.jsonl")
    assert [(e["step"], e["event"]) for e in events] == [(0, "tasks"), (3, "tasks")], events
    assert all("xcodah_ja/acc" in e["score"] for e in events)
    assert not (tmp_path / "run" / "evaluations" / "step-000000" / "model").exists()


def test_a_loss_that_is_no_number_is_null_in_the_files(run_settings, tmp_path):
    assert doctest.testmod(training.loop.metrics_log).failed == 0
    settings = TrainSettings(**run_settings(tmp_path / "run"))
    line = {"step": 1, "loss": math.nan, "skipped": "the loss is nan", "tokens": 64, "tokens_per_second": 9.0, "seconds": 1.0}
    line |= {"masked": 0, "links_seen": 0, "links_inserted": 0, "stream_hash": "0"}
    settings.output_dir.mkdir()
    summary = Summary(settings, Ranks(0, 0, 1, 1), [line])
    assert summary.text().startswith("every step was skipped after 64 tokens")
    summary.add(line | {"step": 2, "loss": 3.0, "skipped": None})
    summary.add(line | {"step": 3, "loss": 99.0, "skipped": "the loss is 99, above 6"})
    summary.write()
    written = json.loads((settings.output_dir / "run.json").read_text())
    assert (written["first_loss"], written["last_loss"], written["skipped_steps"]) == (3.0, 3.0, 2)


def test_an_evaluation_that_fails_is_told_with_its_last_words_and_its_log(tmp_path):
    assert doctest.testmod(training.loop.task_scoring).failed == 0
    (tmp_path / "tasks.yaml").write_text("tasks: [no_such_task]")
    scoring = Scoring(tmp_path / "model", tmp_path / "tasks.yaml", tmp_path)
    with pytest.raises(
        TaskEvaluationError, match=r"eval\.run ended with exit code 2; its log is .*log\.txt:\n(.|\n)*no_such_task"
    ):
        scoring.scores()


def test_a_run_that_goes_on_drops_what_it_will_write_again(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1, "loss": 2.0}\n{"step": 2, "loss": null}\n{"step": 3, "loss": 1.0}\n{"step": 4, "lo')
    cut_back(path, 2)
    assert read_lines(path) == [{"step": 1, "loss": 2.0}, {"step": 2, "loss": None}]
    cut_back(tmp_path / "none.jsonl", 2)
    assert read_lines(tmp_path / "none.jsonl") == []
