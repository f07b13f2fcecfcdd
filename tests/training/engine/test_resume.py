"""Runs that are killed, asked to end, damaged or moved to another number of ranks, and go on."""

import doctest
import json
import multiprocessing
import os
import random
import signal
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file

import training.engine.checkpoints
import training.engine.deepspeed_engine
from spark_jobs.common.errors import ConfigurationError
from training.engine.checkpoints import Checkpoints, RunState, file_sums
from training.engine.interruption import EXIT_INTERRUPTED, InterruptedByRequestError, Interruption
from training.engine.launch_environment import Ranks
from training.engine.resume import check_resumable, find_newest_intact
from training.engine.universal_checkpoint import convert_checkpoint

CHECKPOINTS = {"every": 4, "keep": 2}
TOLERANCE = 1e-4
"""Relative difference of losses after a move to another number of ranks, where sums are formed in another order."""


def read(folder):
    """(losses, stream hashes, weights) of a finished run."""
    lines = [json.loads(line) for line in (Path(folder) / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, len(lines) + 1)), "each step stands there once"
    weights = {name: value.tolist() for name, value in load_file(Path(folder) / "model" / "model.safetensors").items()}
    return [line["loss"] for line in lines], [line["stream_hash"] for line in lines], weights


@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_a_killed_run_goes_on_to_the_same_weights_bit_for_bit(
    finish, launch_and_signal, run_settings, finished_run, tmp_path, stage
):
    settings = run_settings(tmp_path / "run", stage, checkpoint=CHECKPOINTS, resume=True)
    killed = launch_and_signal(settings, signal.SIGKILL, after=6, rank=1)
    assert killed.returncode not in (0, EXIT_INTERRUPTED)
    assert "another rank has ended, so this one cannot go on." in killed.stdout
    assert not (tmp_path / "run" / "run.json").exists()
    again = finish(settings)
    assert ": resumed: " in again.stdout
    assert read(tmp_path / "run") == read(finished_run(stage).folder)


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGUSR1, marks=pytest.mark.slow)])
def test_a_run_that_is_asked_to_end_saves_between_micro_batches_and_goes_on(
    finish, launch_and_signal, run_settings, finished_run, tmp_path, number
):
    settings = run_settings(tmp_path / "run", 2, checkpoint={"every": None}, resume=True)
    asked = launch_and_signal(settings, number, after=3)
    assert f"exitcode  : {EXIT_INTERRUPTED}" in asked.stdout
    assert "ended on request, saved; the same command with --set resume=true goes on" in asked.stdout
    finish(settings)
    assert read(tmp_path / "run") == read(finished_run(2).folder)


@pytest.fixture
def move(launch, finish, launch_and_signal, run_settings, finished_run, tmp_path):
    """`move(stage)`: a run goes from two ranks to one and back, and is compared with one that did not."""

    def run(stage):
        folder = tmp_path / "run"
        settings = run_settings(folder, stage, checkpoint=CHECKPOINTS, resume=True)
        launch_and_signal(settings, signal.SIGTERM, after=3)
        refused = launch(settings, ranks=None)
        assert refused.returncode == 2
        assert "was written with ranks 2, not 1." in refused.stderr
        moved = settings | {"elastic": True}
        asked = launch_and_signal(moved, signal.SIGUSR1, after=6, ranks=1)
        assert f"exitcode  : {EXIT_INTERRUPTED}" in asked.stdout, asked.stdout[-4000:]
        finish(moved)
        losses, hashes, _ = read(folder)
        expected, expected_hashes, _ = read(finished_run(stage).folder)
        assert hashes == expected_hashes
        assert losses[:3] == expected[:3]
        assert losses == pytest.approx(expected, rel=TOLERANCE)
        assert not list((folder / "checkpoints").glob("*universal*"))

    return run


@pytest.mark.slow
@pytest.mark.parametrize("stage", [0, 2, 3])
def test_a_run_moved_from_two_ranks_to_one_and_back_has_the_same_stream_and_nearly_the_same_losses(move, stage):
    move(stage)


@pytest.mark.slow
def test_twenty_kills_at_random_moments_change_nothing(finish, launch_and_signal, run_settings, tmp_path):
    quiet = run_settings(tmp_path / "quiet", 2, steps=60, checkpoint={"every": 3, "keep": 2})
    finish(quiet)
    settings = run_settings(tmp_path / "run", 2, steps=60, checkpoint={"every": 3, "keep": 2}, resume=True)
    metrics = tmp_path / "run" / "metrics.jsonl"
    rng = random.Random(0)
    for _ in range(20):
        lines = metrics.read_text().count("\n") if metrics.is_file() else 0
        after = min(lines // 3 * 3 + 3 + rng.randrange(4), 58)
        launch_and_signal(settings, signal.SIGKILL, after, delay=rng.random() * 0.3, rank=rng.randrange(2))
    finish(settings)
    assert read(tmp_path / "run") == read(tmp_path / "quiet")


# --- conversion for another number of ranks ----------------------------------------------------------------------------------


@pytest.fixture
def broken(tmp_path):
    """What is no checkpoint of DeepSpeed's, beside the rest of a conversion that was killed."""
    checkpoint = tmp_path / "checkpoints" / "step-000010"
    checkpoint.mkdir(parents=True)
    (checkpoint.with_name("step-000010.0123abcd.universal") / "zero").mkdir(parents=True)
    return checkpoint


def test_a_conversion_that_fails_is_told_with_the_tools_last_words_and_leaves_nothing(alone, broken):
    told = []
    with Interruption() as interruption, pytest.raises(ConfigurationError, match=r"could not convert .*step-000010 (.|\n)*Error"):
        convert_checkpoint(broken, 2, alone, interruption, told.append)
    assert told == [f"converting {broken} for another number of ranks, which takes a while for a large model"]
    assert list(broken.parent.iterdir()) == [broken]


def sleepers():
    return [process for process in psutil.process_iter(["cmdline"]) if process.info["cmdline"] == ["sleep", "61.5"]]


def ask_when_the_tool_has_a_worker():
    while not sleepers():
        time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGUSR1)


def test_a_run_that_is_asked_to_end_while_a_checkpoint_is_converted_ends_the_tool_and_leaves_nothing(alone, broken, monkeypatch):
    command = [sys.executable, "-c", "import subprocess; subprocess.run(['sleep', '61.5'])"]
    monkeypatch.setattr(training.engine.deepspeed_engine, "conversion_command", lambda *_: command)
    with Interruption() as interruption:
        threading.Thread(target=ask_when_the_tool_has_a_worker, daemon=True).start()
        with pytest.raises(InterruptedByRequestError):
            convert_checkpoint(broken, 2, alone, interruption, lambda _: None)
    assert list(broken.parent.iterdir()) == [broken]
    psutil.wait_procs(left := sleepers(), timeout=10)
    assert not any(process.is_running() for process in left)


LIMIT, LONGER = 6.0, 10.0
"""Seconds that a collective may wait, and that a conversion takes."""


def convert_slowly(rank, meet, checkpoint):
    """A rank whose collectives wait for `LIMIT`, with a tool that takes `LONGER` and is heard of once a second."""
    tool = f"import os, time; time.sleep({LONGER}); os.mkdir(%r)"
    training.engine.universal_checkpoint.conversion_command = lambda _, universal, stage: [
        sys.executable,
        "-c",
        tool % str(universal),
    ]
    training.engine.universal_checkpoint.REPORT_EVERY = 1.0
    limit = timedelta(seconds=LIMIT)
    torch.distributed.init_process_group("gloo", init_method=f"file://{meet}", rank=rank, world_size=2, timeout=limit)
    told = []
    with Interruption() as interruption:
        began = time.monotonic()
        folder = convert_checkpoint(checkpoint, 2, Ranks(rank, rank, 2, 2), interruption, told.append)
    assert time.monotonic() - began > LIMIT
    assert folder.is_dir()
    assert folder.name.endswith(".universal")
    assert any(line.startswith("still converting: ") for line in told) is (rank == 0)
    torch.distributed.destroy_process_group()


def test_a_conversion_may_take_longer_than_a_collective_may_wait(broken, tmp_path):
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=convert_slowly, args=(rank, tmp_path / "meet", broken)) for rank in (0, 1)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]


# --- what is refused -------------------------------------------------------------------------------------------------------

SAME = {
    "model": {"path": "base", "lora": None},
    "precision": "bf16",
    "zero_stage": 3,
    "optimizer": {"learning_rate": 5e-6},
    "steps": 50,
    "seed": 42,
    "micro_batch_size": 1,
    "ranks": 8,
}


def state(**changes):
    return RunState(step=20, stream={}, guard=[], skipped=0, ranks=8, settings=SAME | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 100}, r"step 20 is of another run: steps: 100 there, 50 here\. Go on with what it was started with"),
        ({"optimizer": {"learning_rate": 1e-5}}, r"optimizer: \{'learning_rate': 1e-05\} there"),
        ({"model": {"path": "other", "lora": None}}, r"model: \{'path': 'other', 'lora': None\} there"),
        ({"zero_stage": 2, "precision": "fp32"}, r"precision: fp32 there, bf16 here; zero_stage: 2 there, 3 here"),
        ({"ranks": 16}, r"written with ranks 16, not 8\. .* add --set elastic=true"),
        ({"micro_batch_size": 2}, r"written with micro batch size 2, not 1\."),
    ],
)
def test_a_checkpoint_of_another_run_is_refused_with_what_differs(changes, message):
    with pytest.raises(ConfigurationError, match=message):
        check_resumable(state(**changes), SAME, elastic=False)


@pytest.mark.parametrize(
    ("changes", "universal"),
    [({}, False), ({"micro_batch_size": 2}, False), ({"ranks": 4}, True), ({"ranks": 4, "micro_batch_size": 2}, True)],
)
def test_elastic_lets_ranks_and_micro_batches_differ_and_only_ranks_need_a_conversion(changes, universal):
    assert check_resumable(state(**changes), SAME, elastic=True) is universal


# --- damage ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def alone(tmp_path):
    """A process group of one."""
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/meet", rank=0, world_size=1)
    yield Ranks(0, 0, 1, 1)
    torch.distributed.destroy_process_group()


@pytest.fixture
def checkpoints(tmp_path):
    """Checkpoints of steps 10 and 20."""
    made = Checkpoints(tmp_path / "checkpoints", keep=2)
    for step in (10, 20):
        folder = made.begin(step)
        (folder / "weights.pt").write_bytes(bytes(range(100)) * step)
        made.publish(state().model_copy(update={"step": step}), file_sums([folder / "weights.pt"]))
    return made


def cut_short(folder):
    path = folder / "weights.pt"
    path.write_bytes(path.read_bytes()[:-1])


def change_a_bit(folder):
    content = bytearray((folder / "weights.pt").read_bytes())
    content[50] ^= 1
    (folder / "weights.pt").write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda folder: (folder / "weights.pt").unlink(), "weights.pt is missing"),
        (cut_short, "weights.pt has 1999 bytes, not 2000"),
        (change_a_bit, "weights.pt has another content than was written"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "manifest.json cannot be read"),
        (lambda folder: (folder / "state.json").write_text("{}"), "state.json has"),
        (lambda folder: (folder / "manifest.json").write_text('{"../x": {}}'), "'../x', which is no plain name"),
    ],
    ids=["missing", "cut", "flipped", "manifest", "state", "foreign"],
)
def test_a_damaged_checkpoint_is_told_and_the_one_before_is_taken(alone, checkpoints, damage, told):
    newest, before = checkpoints.published()
    damage(newest)
    console = Console(record=True, width=300)
    assert find_newest_intact(checkpoints, alone, console) == before
    assert f"{newest} is damaged and left aside: " in (text := console.export_text())
    assert told in text


def test_where_all_are_damaged_the_run_does_not_start_silently_anew(alone, checkpoints):
    for folder in checkpoints.published():
        cut_short(folder)
    with pytest.raises(ConfigurationError, match=r"none of the 2 checkpoints .* is sound .* overwrite=true"):
        find_newest_intact(checkpoints, alone, Console(quiet=True))


def test_the_manifest_names_every_file_of_the_folder_whatever_the_ranks_have_listed(alone, tmp_path):
    assert doctest.testmod(training.engine.checkpoints).failed == 0
    made = Checkpoints(tmp_path / "checkpoints", keep=2)
    folder = made.begin(20)
    for name in ("a.pt", "b.pt"):
        (folder / name).write_text(name)
    published = made.publish(state(), file_sums([folder / "a.pt"]))  # nobody has listed b.pt
    assert set(json.loads((published / "manifest.json").read_text())) == {"a.pt", "b.pt", "state.json"}
    (published / "b.pt").unlink()
    with pytest.raises(ConfigurationError, match=r"none of the 1 checkpoints"):
        find_newest_intact(made, alone, Console(quiet=True))


def test_a_checkpoint_whose_files_the_first_rank_does_not_see_is_not_published(tmp_path):
    made = Checkpoints(tmp_path / "checkpoints", keep=2)
    folder = made.begin(20)
    (folder / "a.pt").write_text("a")
    sums = file_sums([folder / "a.pt"])
    with pytest.raises(ConfigurationError, match=r"not all ranks see b\.pt of .*a file system that all machines share"):
        made.publish(state(), sums | {"b.pt": sums["a.pt"]})
    assert made.published() == []


def test_where_there_is_none_there_is_none(alone, tmp_path):
    assert find_newest_intact(Checkpoints(tmp_path / "none", keep=2), alone, Console(quiet=True)) is None
