"""Runs that several tests of the loop check, and their streams."""

import numpy as np
import pytest
from transformers import AutoTokenizer

from training.config import TrainSettings
from training.data.encoded_corpus import open_corpus
from training.model.translation_tags import add_tags
from training.records.run_logs import read_log
from training.stream.stream_rules import make_stream_rules
from training.stream.token_stream import Stream


@pytest.fixture
def stream(finished_run):
    """The stream of the finished run under ZeRO-2, made here and on one rank."""
    settings = TrainSettings(**finished_run(2).settings)
    tokenizer = AutoTokenizer.from_pretrained(settings.model.path)
    tags, _ = add_tags(tokenizer)
    return Stream(open_corpus(settings.data), make_stream_rules(settings, tokenizer, tags))


@pytest.fixture
def plain_batches(base_model):
    """`plain_batches(settings)` is [steps, sequences, length], the tokens of a run without names."""

    def batches(raw):
        settings = TrainSettings(**raw)
        rules = make_stream_rules(settings, AutoTokenizer.from_pretrained(base_model), None)
        plain = Stream(open_corpus(settings.data), rules)
        return np.stack([plain.batch(step).input_ids for step in range(settings.steps)])

    return batches


@pytest.fixture(scope="session")
def watched(finish, run_settings, corpus, tmp_path_factory):
    """Two ranks, four steps, all measurements but tasks: (settings, events, metrics, folder)."""
    folder = tmp_path_factory.mktemp("watched") / "run"
    settings = run_settings(
        folder,
        steps=4,
        data=corpus.data | {"held_out": 0.3},
        evaluation={"every": 2, "sequences": 3},
        checkpoint={"every": 2, "keep": 1},
        log={"tensorboard": True, "profile": [2, 3]},
    )
    finish(settings)
    return settings, read_log(folder / "events.jsonl"), read_log(folder / "metrics.jsonl"), folder
