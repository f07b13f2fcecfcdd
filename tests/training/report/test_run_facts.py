"""The facts about a run on its page."""

import json
from types import SimpleNamespace

import pytest

from training.records.run_logs import METRICS
from training.report.run_facts import facts_of_run, insertion_settings_text
from training.report.run_files import read_run_files


def test_facts_that_are_unknown_are_left_out(tmp_path):
    (tmp_path / METRICS).write_text(json.dumps({"step": 1, "loss": 2.0}) + "\n")
    assert facts_of_run(read_run_files(tmp_path)) == []


def test_the_facts_come_from_the_summary_and_the_configuration(make_run, tmp_path):
    assert facts_of_run(read_run_files(make_run(tmp_path / "run", steps=3, skipped=()))) == [
        ("model", "meta-llama/Llama-2-7b-hf, 6,738,415,616 parameters"),
        ("corpus", "corpora/<b>ja</b>, tokenizer llama2, names in en"),
        ("wikis", "jawiki, eswiki, be_x_oldwiki"),
        ("corpus fingerprint", "7521c11b"),
        ("stream fingerprint", "c0501d5f"),
        ("stream hash after step 3", "0000000000000003"),
        ("insertion", "right, probability 0.5, in tags, names are predicted"),
        ("batch", "8 sequences of 125 tokens"),
        ("ZeRO stage", "2"),
        ("ranks", "8, cuda"),
        ("precision", "bf16"),
        ("versions", "torch 2.13.0"),
    ]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, ""),
        ({"strategy": "none", "probability": 0.5}, "none: no names are inserted"),
        (
            {"strategy": "left", "probability": 1.0, "tags": False, "predict_names": False},
            "left, probability 1, without tags, names are not predicted",
        ),
    ],
)
def test_the_settings_of_insertion_are_one_line(settings, text):
    run = SimpleNamespace(setting=lambda key: settings.get(key.removeprefix("insertion.")))
    assert insertion_settings_text(run) == text
