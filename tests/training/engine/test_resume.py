"""Runs that are killed, asked to end, damaged or moved to another number of ranks, and resumed."""

import json
import random
import shutil
import signal
from pathlib import Path

import psutil
import pytest
from rich.console import Console
from safetensors.torch import load_file

from spark_jobs.common.errors import ConfigurationError
from training.engine.checkpoints import Checkpoints, RunState, file_sums, find_damage
from training.engine.interruption import EXIT_INTERRUPTED
from training.engine.resume import find_newest_intact
from training.processes.owner_files import OWNER
from training.records.run_logs import read_log

CHECKPOINTS = {"every": 4, "keep": 2}
TOLERANCE = 1e-4
"""Relative difference of losses after a move to another number of ranks, where sums are formed in another order."""


def read(folder):
    """(losses, stream hashes, weights) of a finished run."""
    lines = [json.loads(line) for line in (Path(folder) / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, len(lines) + 1)), "each step is listed once"
    weights = {name: value.tolist() for name, value in load_file(Path(folder) / "model" / "model.safetensors").items()}
    return [line["loss"] for line in lines], [line["stream_hash"] for line in lines], weights


@pytest.mark.parametrize("stage", [0, pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_killed_run_resumes_to_the_same_weights_bit_for_bit(
    finish, launch_and_signal, run_settings, finished_run, tmp_path, stage
):
    settings = run_settings(tmp_path / "run", stage, checkpoint=CHECKPOINTS, resume=True)
    killed = launch_and_signal(settings, signal.SIGKILL, after=6, rank=1)
    assert killed.returncode not in (0, EXIT_INTERRUPTED)
    assert "another rank has ended, so this one cannot continue." in killed.stdout
    assert not (tmp_path / "run" / "run.json").exists()
    again = finish(settings)
    assert ": resumed: " in again.stdout
    assert read(tmp_path / "run") == read(finished_run(stage).folder)


def test_a_run_whose_newest_checkpoint_is_damaged_resumes_from_the_one_before_and_saves_that_step_again(
    finish, launch_and_signal, run_settings, finished_run, tmp_path
):
    folder = tmp_path / "run"
    settings = run_settings(folder, 3, checkpoint=CHECKPOINTS, resume=True)
    launch_and_signal(settings, signal.SIGKILL, after=9, rank=1)
    shard = min((folder / "checkpoints" / "step-000008").glob("*rank_1*optim_states.pt"))
    shard.write_bytes(shard.read_bytes()[:-1])
    changed = {"guard": {"stop_after": 7}, "checkpoint": CHECKPOINTS | {"keep": 1}}
    again = finish(settings | changed)
    assert f"{folder}/checkpoints/step-000008 is damaged and skipped: {shard.name} has " in again.stdout
    assert "step 4: resumed: " in again.stdout
    line = "changed since the checkpoint of step 4: checkpoint.keep: 2 there, 1 here; guard.stop_after: 5 there, 7 here"
    assert line in again.stdout
    [resumed] = [event for event in read_log(folder / "events.jsonl") if event["event"] == "resumed"]
    assert resumed["changed"] == ["checkpoint.keep: 2 there, 1 here", "guard.stop_after: 5 there, 7 here"]
    assert sorted(path.name for path in (folder / "checkpoints").iterdir()) == ["step-000008", "step-000008.damaged"]
    assert read(folder) == read(finished_run(3).folder)


def test_a_run_whose_launcher_is_killed_holds_its_folder_until_its_ranks_have_saved_and_ended(
    finish, launch, start_run, run_settings, finished_run, tmp_path
):
    folder = tmp_path / "run"
    settings = run_settings(folder, 1, checkpoint={"every": None}, resume=True)
    launcher = start_run(settings, lines=3)
    ranks = launcher.children()
    assert len(ranks) == 2
    ranks[1].suspend()  # so that the ranks cannot end before the second run starts
    launcher.kill()
    refused = launch(settings, ranks=None)
    assert refused.returncode == 2
    assert f"output_dir: {folder} belongs to a run that is still active: process {ranks[0].pid} on " in refused.stderr
    ranks[1].resume()
    assert psutil.wait_procs(ranks, timeout=60)[1] == []
    saved = [event["step"] for event in read_log(folder / "events.jsonl") if event["event"] == "checkpoint"]
    assert len(saved) == 1
    assert not (folder / OWNER).exists()
    again = finish(settings)
    assert f"step {saved[0]}: resumed: " in again.stdout
    assert read(folder) == read(finished_run(1).folder)


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGUSR1, marks=pytest.mark.slow)])
def test_a_run_that_is_asked_to_end_saves_between_micro_batches_and_resumes(
    finish, launch_and_signal, run_settings, finished_run, tmp_path, number
):
    settings = run_settings(tmp_path / "run", 2, checkpoint={"every": None}, resume=True)
    asked = launch_and_signal(settings, number, after=3)
    assert f"exitcode  : {EXIT_INTERRUPTED}" in asked.stdout
    assert "interrupted and saved; the same command with --set resume=true continues" in asked.stdout
    finish(settings)
    assert read(tmp_path / "run") == read(finished_run(2).folder)


@pytest.fixture
def move(launch, finish, launch_and_signal, run_settings, finished_run, tmp_path):
    """`move(stage)`: move a run from two ranks to one and back, and compare it with one that was not moved."""

    def run(stage):
        folder = tmp_path / "run"
        settings = run_settings(folder, stage, checkpoint=CHECKPOINTS, resume=True)
        launch_and_signal(settings, signal.SIGTERM, after=3)
        refused = launch(settings, ranks=None)
        assert refused.returncode == 2
        assert "was written with other settings: ranks: 2 there, 1 here." in refused.stderr
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
    undisturbed = run_settings(tmp_path / "undisturbed", 2, steps=60, checkpoint={"every": 3, "keep": 2})
    finish(undisturbed)
    settings = run_settings(tmp_path / "run", 2, steps=60, checkpoint={"every": 3, "keep": 2}, resume=True)
    metrics = tmp_path / "run" / "metrics.jsonl"
    rng = random.Random(0)
    for _ in range(20):
        lines = metrics.read_text().count("\n") if metrics.is_file() else 0
        after = min(lines // 3 * 3 + 3 + rng.randrange(4), 58)
        launch_and_signal(settings, signal.SIGKILL, after, delay=rng.random() * 0.3, rank=rng.randrange(2))
    finish(settings)
    assert read(tmp_path / "run") == read(tmp_path / "undisturbed")


# --- damage ----------------------------------------------------------------------------------------------------------------


def state_of(step):
    return RunState(step=step, stream={}, guard=[], skipped=0, ranks=8, settings={})


@pytest.fixture
def checkpoints(tmp_path):
    """Checkpoints of steps 10 and 20."""
    made = Checkpoints(tmp_path / "checkpoints", keep=2)
    for step in (10, 20):
        folder = made.begin(step)
        (folder / "weights.pt").write_bytes(bytes(range(100)) * step)
        made.publish(state_of(step), file_sums([folder / "weights.pt"]))
    return made


def cut_short(folder):
    path = folder / "weights.pt"
    path.write_bytes(path.read_bytes()[:-1])


def change_a_bit(folder):
    content = bytearray((folder / "weights.pt").read_bytes())
    content[50] ^= 1
    (folder / "weights.pt").write_bytes(content)


DAMAGES = {
    "missing": (lambda folder: (folder / "weights.pt").unlink(), "weights.pt is missing"),
    "cut": (cut_short, "weights.pt has 1999 bytes, not 2000"),
    "flipped": (change_a_bit, "weights.pt has another content than was written"),
    "manifest": (lambda folder: (folder / "manifest.json").write_text("{"), "manifest.json cannot be read"),
    "no manifest": (lambda folder: (folder / "manifest.json").unlink(), "manifest.json cannot be read"),
    "empty manifest": (lambda folder: (folder / "manifest.json").write_text("{}"), "manifest.json does not name state.json"),
    "list": (lambda folder: (folder / "manifest.json").write_text("[]"), "manifest.json holds a list, not the files"),
    "entry": (lambda folder: (folder / "manifest.json").write_text('{"state.json": 1}'), "state.json has no size and checksum"),
    "state": (lambda folder: (folder / "state.json").write_text("{}"), "state.json has"),
    "foreign": (
        lambda folder: (folder / "manifest.json").write_text('{"../x": {}}'),
        "../x is named by manifest.json, but",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_checkpoint_is_renamed_and_the_one_before_is_used(alone, checkpoints, name):
    newest, before = checkpoints.published()
    damage, reported = DAMAGES[name]
    damage(newest)
    console = Console(record=True, width=500)
    assert find_newest_intact(checkpoints, alone, console) == before
    assert f"{newest} is damaged and skipped: " in (text := console.export_text())
    assert reported in text
    assert f"{newest} is now {newest}.damaged; it may be deleted" in text
    assert checkpoints.published() == [before]
    # The run saves the step again, and keeps as many intact checkpoints as before.
    for step in (20, 30):
        folder = checkpoints.begin(step)
        (folder / "weights.pt").write_bytes(b"again")
        checkpoints.publish(state_of(step), file_sums([folder / "weights.pt"]))
    names = ["step-000020", "step-000020.damaged", "step-000030"]
    assert sorted(path.name for path in checkpoints.folder.iterdir()) == names
    # And if it is damaged again, it gets another name.
    for path in checkpoints.published()[:1]:
        cut_short(path)
    assert find_newest_intact(checkpoints, alone, Console(quiet=True)).name == "step-000020"


def test_several_damaged_checkpoints_are_renamed_also_under_names_that_exist(alone, checkpoints):
    newest, before = checkpoints.published()
    shutil.copytree(newest, f"{newest}.damaged")
    shutil.copytree(newest, newest.with_name("step-000030"))
    for folder in (newest, newest.with_name("step-000030")):
        cut_short(folder)
    assert find_newest_intact(checkpoints, alone, Console(quiet=True)) == before
    found = sorted(path.name for path in checkpoints.folder.iterdir())
    assert found == ["step-000010", "step-000020.damaged", "step-000020.damaged.1", "step-000030.damaged"]


def test_a_file_that_cannot_be_read_is_damage(tmp_path):
    (tmp_path / "weights.pt").mkdir()
    entry = {"bytes": (tmp_path / "weights.pt").stat().st_size, "sha256": ""}
    (tmp_path / "link.pt").symlink_to(tmp_path / "link.pt")
    (tmp_path / "manifest.json").write_text(json.dumps({"state.json": entry, "link.pt": entry, "x" * 300: entry}))
    found = find_damage(tmp_path, 0, 1)
    assert found == ["link.pt is missing", "state.json is missing", f"{'x' * 300} cannot be read: File name too long"]


def test_if_all_are_damaged_the_run_does_not_start_anew_without_a_word(alone, checkpoints):
    newest, before = checkpoints.published()
    cut_short(newest)
    find_newest_intact(checkpoints, alone, Console(quiet=True))
    cut_short(before)
    with pytest.raises(ConfigurationError, match=r"all 2 checkpoints .* are damaged .* overwrite=true"):
        find_newest_intact(checkpoints, alone, Console(quiet=True))
    assert before.is_dir(), "a copy can be restored under the same name"
    shutil.rmtree(before)
    with pytest.raises(ConfigurationError, match=r"all 1 checkpoints .* are damaged; restore one"):
        find_newest_intact(checkpoints, alone, Console(quiet=True))


def test_without_checkpoints_none_is_found(alone, tmp_path):
    assert find_newest_intact(Checkpoints(tmp_path / "none", keep=2), alone, Console(quiet=True)) is None
