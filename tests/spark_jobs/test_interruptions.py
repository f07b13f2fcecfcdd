"""Killed tasks and killed builds: in the end the same bytes as without, and at no time a table in part."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spark_jobs.config import CorpusSettings
from spark_jobs.contract.manifest import MANIFEST, read_manifest
from spark_jobs.stages.build_stages import build

psutil = pytest.importorskip("psutil", reason="psutil ends all processes of a build; it comes with the extra `peers`")

DEADLINE = 300.0  # seconds for a build to come to a place
FAULTS = Path(__file__).parent / "faults"


@pytest.fixture
def settings(demo_settings: CorpusSettings, tmp_path: Path) -> CorpusSettings:
    conf = {**demo_settings.spark.conf, "spark.local.dir": str(tmp_path)}  # a killed Spark does not clean up
    spark = demo_settings.spark.model_copy(update={"conf": conf})
    return demo_settings.model_copy(update={"output_dir": str(tmp_path / "out"), "spark": spark})


class Running:
    """A build in a process of its own; the first worker to write a table signals itself (`faults/sitecustomize.py`)."""

    def __init__(self, settings: CorpusSettings, master: str, folder: Path, fault: signal.Signals, *tables: str) -> None:
        (folder / "config.yaml").write_text(settings.to_yaml(), encoding="utf-8")
        self.log = folder / "log.txt"
        self.faults = folder / "faults"
        self.faults.mkdir()
        path = os.pathsep.join([str(FAULTS), *filter(None, [os.environ.get("PYTHONPATH")])])
        told = {"FAULT": str(int(fault)), "FAULT_TABLES": " ".join(tables), "FAULT_FOLDER": str(self.faults)}
        command = [sys.executable, "-m", "spark_jobs.build", "--config", str(folder / "config.yaml"), "--set"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, f"spark.master={master}"],
                stdout=log,
                stderr=log,
                cwd=folder,
                env={**os.environ, **told, "PYTHONPATH": path},
            )

    def wait_for_writers(self, *tables: str) -> None:
        """Until a worker has done to itself what `faults` says, in the middle of a shard of each table."""
        ends = time.monotonic() + DEADLINE
        while self.process.poll() is None and time.monotonic() < ends:
            if all((self.faults / table).exists() for table in tables):
                return
            time.sleep(0.05)
        pytest.fail(f"no worker wrote a shard of {', '.join(tables)}:\n{self.log.read_text(encoding='utf-8')}")

    def kill(self) -> None:
        """End all of it at once, as a machine does that loses its power."""
        for process in [*psutil.Process(self.process.pid).children(recursive=True), psutil.Process(self.process.pid)]:
            process.kill()
        self.process.wait()


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
    tables = ("articles", "names", "augmented", "encoded")
    running = Running(settings, "local[2,4]", tmp_path, signal.SIGKILL, *tables)  # a task may run four times
    running.wait_for_writers(*tables)
    assert running.process.wait(DEADLINE) == 0, running.log.read_text(encoding="utf-8")
    assert_same(Path(settings.output_dir), corpus)


@pytest.mark.slow
def test_a_killed_build_leaves_whole_tables_and_goes_on_at_the_last_finished_stage(spark, corpus, settings, tmp_path) -> None:
    running = Running(settings, "local[2]", tmp_path, signal.SIGSTOP, "names")
    running.wait_for_writers("names")
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
