"""Measurements between the steps of a run."""

import gzip
import json

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from training.config import TrainSettings
from training.data.encoded_corpus import open_corpus
from training.engine.launch_environment import Ranks
from training.loop.held_out_loss import HeldOutLoss
from training.model.translation_tags import add_rows, add_tags
from training.records.run_logs import read_log
from training.stream.stream_rules import make_stream_rules
from training.stream.token_stream import Stream

HELD_OUT = 0.3


@pytest.fixture(scope="module")
def watched(finish, run_settings, corpus, tmp_path_factory):
    """Two ranks, four steps, all measurements but tasks: (settings, events, metrics, folder)."""
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
    return settings, read_log(folder / "events.jsonl"), read_log(folder / "metrics.jsonl"), folder


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
        # The same articles in the same order, from a stream of one wiki and its held-out articles alone.
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
        held_out = HeldOutLoss(settings, opened, make_stream_rules(settings, tokenizer, tags))
        alone = held_out.losses(model, Ranks(0, 0, 1, 1), torch.device("cpu"))
    finally:
        torch.distributed.destroy_process_group()
    assert alone == pytest.approx(events[0]["loss"], abs=1e-5)
    assert model.training


def test_each_step_has_its_speed_and_memory_and_on_a_cpu_no_mfu(watched):
    _, _, metrics, _ = watched
    for line in metrics:
        assert line["tokens_per_second_per_gpu"] == pytest.approx(line["tokens_per_second"] / 2)
        assert line["mfu"] is None
        assert 100e6 < line["memory_bytes"] < 10e9


def test_the_configured_steps_are_profiled_on_every_rank(watched):
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
    events = read_log(tmp_path / "run" / "events.jsonl")
    assert [(e["step"], e["event"]) for e in events] == [(0, "tasks"), (3, "tasks")], events
    assert all("xcodah_ja/acc" in e["score"] for e in events)
    assert not (tmp_path / "run" / "evaluations" / "step-000000" / "model").exists()
