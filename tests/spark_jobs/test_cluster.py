"""A standalone Spark cluster on loopback that loses a worker, and the files for spark-submit: leia.zip, spark-defaults.conf."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyspark
import pytest

from spark_jobs.config import CorpusSettings
from spark_jobs.runtime.spark_session import _PROPERTIES
from spark_jobs.stages.build_stages import build

from .corpus_files import read_corpus_files
from .many_wikis import make_dumps

psutil = pytest.importorskip("psutil", reason="psutil finds a worker's processes; it comes with the extra `test`")

SPARK_HOME = Path(pyspark.__file__).parent
WIKI, STREAMS = "itwiki", 30
DEADLINE = 300.0
ENVIRONMENT = {**os.environ, "SPARK_HOME": str(SPARK_HOME), "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}


def read_spark_properties(repository: Path) -> dict[str, str]:
    lines = (repository / "conf/spark/spark-defaults.conf").read_text(encoding="utf-8").splitlines()
    return dict(line.split(None, 1) for line in lines if line and not line.startswith("#"))


@pytest.fixture(scope="module")
def leia_zip(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive that `make dist` writes."""
    folder = tmp_path_factory.mktemp("dist")
    environment = {**os.environ, "PYTHON": sys.executable, "DIST": str(folder)}
    subprocess.run([repository / "dist.sh"], check=True, env=environment, capture_output=True)
    return folder / "leia.zip"


def test_the_zip_holds_exactly_the_engine_and_is_reproducible(repository, leia_zip, tmp_path) -> None:
    with zipfile.ZipFile(leia_zip) as archive:
        packed = {name: archive.read(name) for name in archive.namelist()}
    files = (file for file in (repository / "spark_jobs").rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    assert packed == {str(file.relative_to(repository)): file.read_bytes() for file in files}
    environment = {**os.environ, "PYTHON": sys.executable, "DIST": str(tmp_path)}
    subprocess.run([repository / "dist.sh"], check=True, env=environment, capture_output=True)
    assert (tmp_path / "leia.zip").read_bytes() == leia_zip.read_bytes()


def test_every_spark_property_is_explained_known_to_spark_and_set_once(repository, spark) -> None:
    lines = (repository / "conf/spark/spark-defaults.conf").read_text(encoding="utf-8").splitlines()
    found = read_spark_properties(repository)
    assert len(found) >= 5
    assert not found.keys() & _PROPERTIES.keys()
    entries = spark._jvm.org.apache.spark.internal.config.ConfigEntry
    for name in found:
        place = next(index for index, line in enumerate(lines) if line.startswith(f"{name} "))
        above = lines[place - 1]
        assert above.startswith(("# ", "spark.storage.decommission", "spark.decommission")), f"{name} has no comment above it"
        assert entries.findEntry(name) is not None, f"{name} is not a property of Spark"
    assert entries.findEntry("spark.executor.memoryOverhed") is None


class ClusterProcess:
    """The master or a worker of the cluster, logging to a file. The executors of a worker are its children."""

    def __init__(self, folder: Path, name: str, arguments: list[str]) -> None:
        self.scratch = folder / name
        self.scratch.mkdir()
        self.log = folder / f"{name}.log"
        environment = {
            **os.environ,
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_LOCAL_DIRS": str(self.scratch),
            "SPARK_CONF_DIR": str(folder),
        }
        environment |= {"PYSPARK_PYTHON": sys.executable, "SPARK_HOME": str(SPARK_HOME)}
        kind = f"org.apache.spark.deploy.{arguments[0]}"
        with self.log.open("wb") as log:
            line = [
                SPARK_HOME / "bin/spark-class",
                kind,
                "--host",
                "127.0.0.1",
                "--port",
                "0",
                "--webui-port",
                "0",
                *arguments[1:],
            ]
            self.process = subprocess.Popen(line, stdout=log, stderr=log, env=environment)

    def wait_for_log(self, pattern: str) -> re.Match[str]:
        ends = time.monotonic() + DEADLINE
        while time.monotonic() < ends and self.process.poll() is None:
            if found := re.search(pattern, self.log.read_text(encoding="utf-8", errors="replace")):
                return found
            time.sleep(0.1)
        pytest.fail(f"{pattern!r} is not in the log:\n{self.log.read_text(encoding='utf-8', errors='replace')}")

    def has_shuffle_files(self, since: float) -> bool:
        """Whether a task on this worker has written shuffle files after that time."""
        return any(path.stat().st_mtime > since for path in self.scratch.rglob("shuffle_*.index"))

    def kill(self) -> None:
        """Simulate the loss of the machine: kill the worker, its executor and their Python processes, and delete its disk."""
        if self.process.poll() is None:
            family = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]
            for process in family:
                process.kill()
            psutil.wait_procs(family, timeout=10)
        self.process.wait()
        shutil.rmtree(self.scratch)


@contextmanager
def start_cluster(folder: Path) -> Iterator[tuple[str, list[ClusterProcess]]]:
    """Start a master and two workers with one core each; yields the address of the master, and the workers."""
    cluster_processes: list[ClusterProcess] = []
    try:
        cluster_processes.append(ClusterProcess(folder, "master", ["master.Master"]))
        address = cluster_processes[0].wait_for_log(r"Starting Spark master at (spark://127\.0\.0\.1:\d+)")[1]
        for name in ("worker1", "worker2"):
            work = ["--cores", "1", "--memory", "1g", "--work-dir", str(folder / f"{name}.work"), address]
            cluster_processes.append(ClusterProcess(folder, name, ["worker.Worker", *work]))
        for worker in cluster_processes[1:]:
            worker.wait_for_log("Successfully registered with master")
        yield address, cluster_processes[1:]
    finally:
        for process in cluster_processes:
            if process.scratch.exists():
                process.kill()


def read_events(folder: Path) -> list[dict[str, Any]]:
    [log] = folder.iterdir()
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_and_its_shuffle_files_gives_the_bytes_of_a_local_build(
    repository, sample, spark, demo_settings: CorpusSettings, leia_zip, tmp_path
) -> None:
    for name in ("dumps", "events"):
        (tmp_path / name).mkdir()
    make_dumps(sample, tmp_path / "dumps", {WIKI: STREAMS})
    places = {"dumps_dir": str(tmp_path / "dumps"), "wikis": [WIKI]}
    settings = demo_settings.model_copy(update={**places, "output_dir": str(tmp_path / "out")})
    (tmp_path / "config.yaml").write_text(settings.to_yaml(), encoding="utf-8")
    # Only the entry point is copied: the other modules come from the zip.
    shutil.copy(repository / "spark_jobs/build.py", tmp_path / "main.py")
    local = tmp_path / "local"
    build(spark, settings.model_copy(update={"output_dir": str(local)}))
    # `names` is copied, so that align is up to date: it would be fifty jobs of milliseconds.
    shutil.copytree(local / "names", tmp_path / "out/names")

    with start_cluster(tmp_path) as (address, workers):
        defaults = repository / "conf/spark/spark-defaults.conf"
        line = [SPARK_HOME / "bin/spark-submit", "--master", address, "--properties-file", defaults, "--py-files", leia_zip]
        small = {"executor.cores": "1", "executor.memory": "600m", "driver.memory": "600m", "driver.host": "127.0.0.1"}
        small["shuffle.readHostLocalDisk"] = "false"  # executors of one machine would read each other's files
        events = {"enabled": "true", "dir": str(tmp_path / "events"), "compress": "false", "rolling.enabled": "false"}
        for name, value in {**small, **{f"eventLog.{name}": value for name, value in events.items()}}.items():
            line += ["--conf", f"spark.{name}={value}"]
        driver_log = tmp_path / "driver.log"
        with driver_log.open("wb") as log:
            driver = subprocess.Popen(
                [*line, "main.py", "--config", "config.yaml"], cwd=tmp_path, env=ENVIRONMENT, stdout=log, stderr=log
            )
        try:
            ends = time.monotonic() + DEADLINE
            # Wait for the shuffle of encode: each of its shards takes rows from all earlier tasks, so lost files are missed.
            encoding = next((tmp_path / "out/_staging").glob("encoded-*"), None)
            while encoding is None or not any(encoding.glob("attempts/part-*")):
                assert time.monotonic() < ends, driver_log.read_text(encoding="utf-8", errors="replace")
                assert driver.poll() is None, driver_log.read_text(encoding="utf-8", errors="replace")
                time.sleep(0.005)
                encoding = encoding or next((tmp_path / "out/_staging").glob("encoded-*"), None)
            began = encoding.stat().st_mtime
            lost = next(worker for worker in workers if worker.has_shuffle_files(began))
            lost.kill()
            assert driver.wait(DEADLINE) == 0, driver_log.read_text(encoding="utf-8", errors="replace")
        finally:
            if driver.poll() is None:
                for process in [*psutil.Process(driver.pid).children(recursive=True), driver]:
                    process.kill()

    seen = read_events(tmp_path / "events")
    added = [event for event in seen if event["Event"] == "SparkListenerExecutorAdded"]
    removed = [event for event in seen if event["Event"] == "SparkListenerExecutorRemoved"]
    assert len(added) >= 2
    assert removed
    ends_of_tasks = [event for event in seen if event["Event"] == "SparkListenerTaskEnd"]
    executors = {event["Task Info"]["Executor ID"] for event in ends_of_tasks if event["Task End Reason"]["Reason"] == "Success"}
    assert len(executors) >= 2
    stages = [event["Stage Info"] for event in seen if event["Event"] == "SparkListenerStageSubmitted"]
    repeated = [stage["Stage ID"] for stage in stages if stage["Stage Attempt ID"] > 0]
    assert repeated, f"none of {len(stages)} stages was run again, so no shuffle files were lost"
    report = json.loads((tmp_path / "out/_build.json").read_text(encoding="utf-8"))
    assert {entry["stage"]: entry["skipped"] for entry in report["stages"]} == {
        "extract": False, "align": True, "augment": False, "encode": False,
    }  # fmt: skip
    assert read_corpus_files(tmp_path / "out") == read_corpus_files(local)
