"""Builds with killed tasks, and killed builds: the same bytes as an undisturbed build, and never a partial table."""

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

from .corpus_files import read_corpus_files

psutil = pytest.importorskip("psutil", reason="psutil ends all processes of a build; it comes with the extra `peers`")

DEADLINE = 300.0  # seconds for a build to reach a point
SIGNAL_HOOK = Path(__file__).parent / "signal_hook"


@pytest.fixture
def settings(demo_settings: CorpusSettings, tmp_path: Path) -> CorpusSettings:
    conf = {**demo_settings.spark.conf, "spark.local.dir": str(tmp_path)}  # a killed Spark does not clean up
    spark = demo_settings.spark.model_copy(update={"conf": conf})
    return demo_settings.model_copy(update={"output_dir": str(tmp_path / "out"), "spark": spark})


class RunningBuild:
    """A build in a subprocess. The first worker that writes a table sends itself a signal (`signal_hook/sitecustomize.py`)."""

    def __init__(self, settings: CorpusSettings, master: str, folder: Path, signal_number: signal.Signals, *tables: str) -> None:
        (folder / "config.yaml").write_text(settings.to_yaml(), encoding="utf-8")
        self.log = folder / "log.txt"
        self.signalled = folder / "signalled"
        self.signalled.mkdir()
        path = os.pathsep.join([str(SIGNAL_HOOK), *filter(None, [os.environ.get("PYTHONPATH")])])
        variables = {"SIGNAL": str(int(signal_number)), "SIGNAL_TABLES": " ".join(tables), "SIGNAL_FOLDER": str(self.signalled)}
        command = [sys.executable, "-m", "spark_jobs.build", "--config", str(folder / "config.yaml"), "--set"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, f"spark.master={master}"],
                stdout=log,
                stderr=log,
                cwd=folder,
                env={**os.environ, **variables, "PYTHONPATH": path},
            )

    def wait_for_writers(self, *tables: str) -> None:
        """Wait until a worker has signalled itself in the middle of a shard of each table."""
        ends = time.monotonic() + DEADLINE
        while self.process.poll() is None and time.monotonic() < ends:
            if all((self.signalled / table).exists() for table in tables):
                return
            time.sleep(0.05)
        pytest.fail(f"no worker wrote a shard of {', '.join(tables)}:\n{self.log.read_text(encoding='utf-8')}")

    def kill(self) -> None:
        """Kill all processes at once, as a power failure does."""
        for process in [*psutil.Process(self.process.pid).children(recursive=True), psutil.Process(self.process.pid)]:
            process.kill()
        self.process.wait()


def assert_same_files(folder: Path, undisturbed: Path) -> None:
    found, expected = read_corpus_files(folder), read_corpus_files(undisturbed)
    assert found.keys() == expected.keys()
    assert [name for name in found if found[name] != expected[name]] == []


@pytest.mark.slow
def test_a_build_whose_tasks_are_killed_and_repeated_gives_the_same_bytes(corpus, settings, tmp_path) -> None:
    tables = ("articles", "names", "augmented", "encoded")
    running = RunningBuild(settings, "local[2,4]", tmp_path, signal.SIGKILL, *tables)  # a task may run four times
    running.wait_for_writers(*tables)
    assert running.process.wait(DEADLINE) == 0, running.log.read_text(encoding="utf-8")
    assert_same_files(Path(settings.output_dir), corpus)


@pytest.mark.slow
def test_a_killed_build_leaves_complete_tables_and_resumes_after_the_last_finished_stage(
    spark, corpus, settings, tmp_path
) -> None:
    running = RunningBuild(settings, "local[2]", tmp_path, signal.SIGSTOP, "names")
    running.wait_for_writers("names")
    running.kill()
    output = Path(settings.output_dir)
    remaining = read_corpus_files(output)
    begun = {name.split("/")[1].removeprefix("names-") for name in remaining if "/attempts/part-" in name and "/names-" in name}
    assert begun, "the build was not killed while it wrote `names`"
    visible = {name: data for name, data in remaining.items() if not name.startswith("_staging/")}
    folders = {name.rpartition("/")[0] for name in visible}
    for folder in folders:
        manifest = read_manifest(output / folder)
        complete = {f"{folder}/{name}" for name in (MANIFEST, *(shard.path for shard in manifest.shards))}
        assert {name for name in visible if name.startswith(f"{folder}/")} == complete
    for wiki in begun:
        assert {folder for folder in folders if f"wiki={wiki}" in folder} == {f"articles/wiki={wiki}", f"rejects/wiki={wiki}"}

    report = build(spark, settings)
    for wiki in begun:
        assert [entry["stage"] for entry in report["stages"] if entry["skipped"] and entry["wiki"] == wiki] == ["extract"]
    assert {name: read_corpus_files(output)[name] for name in visible} == visible
    assert_same_files(output, corpus)
