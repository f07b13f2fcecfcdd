"""Where a run reports its steps and events."""

import io
import json

import pytest
from rich.console import Console

from training.config import TrainSettings
from training.records.metrics_writer import MetricsWriter

STEP = {"loss": 2.5, "learning_rate": 1e-3, "tokens_per_second": 1234.0, "skipped": None}


@pytest.fixture
def report(run_settings, tmp_path):
    """`report(write, lines, events, **settings)` is (printed lines, metrics.jsonl, events.jsonl), None for a missing file."""

    def run(write, lines=(), events=(), **changes):
        settings = TrainSettings(**run_settings(tmp_path / "run", **changes))
        settings.output_dir.mkdir(exist_ok=True)
        console = Console(file=io.StringIO(), width=300)
        with MetricsWriter(settings, console, write) as writer:
            for line in lines:
                writer.write_step(line)
            for event in events:
                writer.write_event(*event)
        files = (settings.output_dir / name for name in ("metrics.jsonl", "events.jsonl"))
        return console.file.getvalue().splitlines(), *(file.read_text() if file.exists() else None for file in files)

    return run


def test_other_ranks_write_and_print_nothing(report):
    assert report(False, [STEP | {"step": 1}], [(1, "checkpoint", {"path": "p"})]) == ([], None, None)


def test_a_step_is_a_line_of_the_file_and_of_the_console(report):
    printed, metrics, events = report(True, [STEP | {"step": 1}, STEP | {"step": 2, "mfu": 0.414}])
    assert [json.loads(line) for line in metrics.splitlines()] == [STEP | {"step": 1}, STEP | {"step": 2, "mfu": 0.414}]
    assert events == ""
    assert printed[0].startswith("step 1/12  loss 2.500  lr 1.00e-03  1,234 tokens/s  eta ")
    assert printed[1].startswith("step 2/12  loss 2.500  lr 1.00e-03  1,234 tokens/s  mfu 41.4%  eta ")


def test_the_console_has_the_first_the_last_and_every_nth_step(report):
    lines = [STEP | {"step": step} for step in range(1, 13)]
    printed, metrics, _ = report(True, lines, log={"tensorboard": False, "every": 5})
    assert [line.split()[1] for line in printed] == ["1/12", "5/12", "10/12", "12/12"]
    assert len(metrics.splitlines()) == 12


def test_a_skipped_step_is_an_event_too(report):
    skipped = STEP | {"step": 3, "loss": float("nan"), "skipped": "the loss is nan", "sequences": ["16-17", "20"]}
    printed, metrics, events = report(True, [skipped], log={"tensorboard": False, "every": 2})
    assert json.loads(metrics)["loss"] is None
    expected = {"step": 3, "event": "skipped", "reason": "the loss is nan", "sequences": ["16-17", "20"]}
    assert json.loads(events) == expected
    assert printed == ["step 3: skipped: the loss is nan; sequences 16-17, 20"]


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ((4, "held_out", {"loss": {"jawiki": 3.21449, "eswiki": 2.0}}), "step 4: held out: loss jawiki 3.214, eswiki 2"),
        ((4, "checkpoint", {"path": "run/step-4", "seconds": 1.25}), "step 4: checkpoint: run/step-4; seconds 1.2"),
        ((4, "resumed", {"path": "run/step-4", "ranks": 2}), "step 4: resumed: run/step-4; ranks 2"),
        (
            (4, "skipped", {"reason": "r", "sequences": [str(n) for n in range(10)]}),
            "step 4: skipped: r; sequences 0, 1, 2, 3, 4, 5, 6, 7 and 2 more",
        ),
    ],
)
def test_an_event_is_printed_with_its_values(report, event, text):
    printed, _, events = report(True, events=[event])
    assert printed == [text]
    assert json.loads(events) == {"step": 4, "event": event[1], **event[2]}
