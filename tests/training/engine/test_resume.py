"""Runs that are killed, asked to end, damaged or moved to another number of ranks, and resumed."""

import json
import random
import signal
from pathlib import Path

import pytest
from rich.console import Console
from safetensors.torch import load_file

from spark_jobs.common.errors import ConfigurationError
from training.engine.checkpoints import Checkpoints, RunState, file_sums
from training.engine.interruption import EXIT_INTERRUPTED
from training.engine.resume import check_resumable, find_newest_intact

CHECKPOINTS = {"every": 4, "keep": 2}
TOLERANCE = 1e-4
"""Relative difference of losses after a move to another number of ranks, where sums are formed in another order."""


def read(folder):
    """(losses, stream hashes, weights) of a finished run."""
    lines = [json.loads(line) for line in (Path(folder) / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, len(lines) + 1)), "each step is listed once"
    weights = {name: value.tolist() for name, value in load_file(Path(folder) / "model" / "model.safetensors").items()}
    return [line["loss"] for line in lines], [line["stream_hash"] for line in lines], weights


@pytest.mark.parametrize("stage", [0, 1, 2, 3])
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


# --- checkpoints of other runs -----------------------------------------------------------------------------------------------

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
        ({"steps": 100}, r"step 20 belongs to another run: steps: 100 there, 50 here\. Continue with the run's own settings"),
        ({"optimizer": {"learning_rate": 1e-5}}, r"optimizer: \{'learning_rate': 1e-05\} there"),
        ({"model": {"path": "other", "lora": None}}, r"model: \{'path': 'other', 'lora': None\} there"),
        ({"zero_stage": 2, "precision": "fp32"}, r"precision: fp32 there, bf16 here; zero_stage: 2 there, 3 here"),
        ({"ranks": 16}, r"written with ranks 16, not 8\. .* add --set elastic=true"),
        ({"micro_batch_size": 2}, r"written with micro batch size 2, not 1\."),
    ],
)
def test_a_checkpoint_of_another_run_is_refused_with_the_differences(changes, message):
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
    ("damage", "reported"),
    [
        (lambda folder: (folder / "weights.pt").unlink(), "weights.pt is missing"),
        (cut_short, "weights.pt has 1999 bytes, not 2000"),
        (change_a_bit, "weights.pt has another content than was written"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "manifest.json cannot be read"),
        (lambda folder: (folder / "state.json").write_text("{}"), "state.json has"),
        (lambda folder: (folder / "manifest.json").write_text('{"../x": {}}'), "'../x', which is not a plain file name"),
    ],
    ids=["missing", "cut", "flipped", "manifest", "state", "foreign"],
)
def test_a_damaged_checkpoint_is_reported_and_the_one_before_is_used(alone, checkpoints, damage, reported):
    newest, before = checkpoints.published()
    damage(newest)
    console = Console(record=True, width=300)
    assert find_newest_intact(checkpoints, alone, console) == before
    assert f"{newest} is damaged and skipped: " in (text := console.export_text())
    assert reported in text


def test_if_all_are_damaged_the_run_does_not_start_anew_without_a_word(alone, checkpoints):
    for folder in checkpoints.published():
        cut_short(folder)
    with pytest.raises(ConfigurationError, match=r"all 2 checkpoints .* are damaged .* overwrite=true"):
        find_newest_intact(checkpoints, alone, Console(quiet=True))


def test_without_checkpoints_none_is_found(alone, tmp_path):
    assert find_newest_intact(Checkpoints(tmp_path / "none", keep=2), alone, Console(quiet=True)) is None
