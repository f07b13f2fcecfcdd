"""Killed tasks and killed builds: in the end the same bytes as without, and at no time a table in part."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spark_jobs.build import build
from spark_jobs.config import CorpusSettings
from spark_jobs.tables import MANIFEST, read_manifest

psutil = pytest.importorskip("psutil", reason="psutil finds Spark's worker processes; it comes with the extra `peers`")

DEADLINE = 300.0  # seconds for a build to come to a place


@pytest.fixture
def settings(demo_settings: CorpusSettings, tmp_path: Path) -> CorpusSettings:
    conf = {**demo_settings.spark.conf, "spark.local.dir": str(tmp_path)}  # a killed Spark does not clean up
    spark = demo_settings.spark.model_copy(update={"conf": conf})
    return demo_settings.model_copy(update={"output_dir": str(tmp_path / "out"), "spark": spark})


class Running:
    """A build in a process of its own."""

    def __init__(self, settings: CorpusSettings, master: str, folder: Path) -> None:
        (folder / "config.yaml").write_text(settings.to_yaml(), encoding="utf-8")
        self.log = folder / "log.txt"
        self.staging = Path(settings.output_dir) / "_staging"
        command = [sys.executable, "-m", "spark_jobs.build", "--config", str(folder / "config.yaml"), "--set"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([*command, f"spark.master={master}"], stdout=log, stderr=log, cwd=folder)

    def daemons(self) -> list[int]:
        """Ids of the processes that fork Spark's Python workers: children of the JVM. Workers have the same name."""
        named = [process for process in psutil.Process(self.process.pid).children(recursive=True) if is_daemon(process)]
        ids = {process.pid for process in named}
        return [process.pid for process in named if process.ppid() not in ids]

    def catch_writer(self, table: str) -> int:
        """A worker that is writing an attempt at a shard of `table`; it is stopped there.

        A sample's shard is written in a few milliseconds: so the workers run for one at a time, and are looked at in between.
        """
        ends, look_again = time.monotonic() + DEADLINE, 0.0
        daemons: list[int] = []
        begun = False
        while self.process.poll() is None and time.monotonic() < ends:
            if time.monotonic() > look_again:  # it takes long: before the stage begins, and then while the workers stand still
                daemons = self.daemons()
                look_again = time.monotonic() + 0.5
            begun = begun or any(self.staging.glob(f"{table}-*/attempts"))
            if not begun:
                time.sleep(0.001)
                continue
            workers = [worker for daemon in daemons for worker in children_of(daemon)]
            send(signal.SIGCONT, workers)
            time.sleep(0.001)
            send(signal.SIGSTOP, workers)
            if (caught := next((worker for worker in workers if writes(worker, table)), None)) is not None:
                send(signal.SIGCONT, [worker for worker in workers if worker != caught])
                return caught
        pytest.fail(f"no worker was seen to write {table}:\n{self.log.read_text(encoding='utf-8')}")

    def kill(self) -> None:
        """End all of it at once, as a machine does that loses its power."""
        for process in [*psutil.Process(self.process.pid).children(recursive=True), psutil.Process(self.process.pid)]:
            process.kill()
        self.process.wait()


def is_daemon(process: psutil.Process) -> bool:
    try:
        return "pyspark.daemon" in process.cmdline()
    except psutil.Error:  # it has just ended
        return False


def children_of(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:  # it has just ended
        return []


def send(what: signal.Signals, pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, what)


def writes(pid: int, table: str) -> bool:
    """Whether the process has an attempt at a shard of the table open."""
    try:
        opened = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:  # a descriptor was closed, or the process has ended
        return False
    return any(f"/_staging/{table}-" in path and "/attempts/part-" in path for path in opened)


def files_of(folder: Path) -> dict[str, bytes]:
    """Path -> content of all that lies in an output folder, the report with its times left out."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "_build.json")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def assert_same(folder: Path, undisturbed: Path) -> None:
    found, expected = files_of(folder), files_of(undisturbed)
    assert found.keys() == expected.keys()
    assert [name for name in found if found[name] != expected[name]] == []


@pytest.mark.slow
def test_tasks_that_are_killed_in_the_middle_and_run_again_give_the_same_bytes(corpus, settings, tmp_path) -> None:
    running = Running(settings, "local[2,4]", tmp_path)  # a task may run four times
    for table in ("articles", "names", "augmented", "encoded"):
        os.kill(running.catch_writer(table), signal.SIGKILL)
    assert running.process.wait(DEADLINE) == 0, running.log.read_text(encoding="utf-8")
    assert_same(Path(settings.output_dir), corpus)


@pytest.mark.slow
def test_a_killed_build_leaves_whole_tables_and_goes_on_at_the_last_finished_stage(spark, corpus, settings, tmp_path) -> None:
    running = Running(settings, "local[2]", tmp_path)
    running.catch_writer("names")
    running.kill()
    output = Path(settings.output_dir)
    left = files_of(output)
    begun = {name.split("/")[1].removeprefix("names-") for name in left if "/attempts/part-" in name and "/names-" in name}
    assert begun, "no wiki is in the middle of `names`"
    visible = {name: data for name, data in left.items() if not name.startswith("_staging/")}
    folders = {name.rpartition("/")[0] for name in visible}
    for folder in folders:
        manifest = read_manifest(output / folder)
        whole = {f"{folder}/{name}" for name in (MANIFEST, *(shard.path for shard in manifest.shards))}
        assert {name for name in visible if name.startswith(f"{folder}/")} == whole
    for wiki in begun:
        assert {folder for folder in folders if f"wiki={wiki}" in folder} == {f"articles/wiki={wiki}", f"rejects/wiki={wiki}"}

    report = build(spark, settings)
    for wiki in begun:
        assert [entry["stage"] for entry in report["stages"] if entry["skipped"] and entry["wiki"] == wiki] == ["extract"]
    assert {name: files_of(output)[name] for name in visible} == visible
    assert_same(output, corpus)
