"""A real standalone cluster on loopback that loses a machine, and what is given to spark-submit."""

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

from .many_wikis import make_dumps

psutil = pytest.importorskip("psutil", reason="psutil finds a worker's processes; it comes with the extra `test`")

SPARK_HOME = Path(pyspark.__file__).parent
WIKI, STREAMS = "itwiki", 30
DEADLINE = 300.0
ENVIRONMENT = {**os.environ, "SPARK_HOME": str(SPARK_HOME), "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}


def properties(repository: Path) -> dict[str, str]:
    lines = (repository / "conf/spark/spark-defaults.conf").read_text(encoding="utf-8").splitlines()
    return dict(line.split(None, 1) for line in lines if line and not line.startswith("#"))


@pytest.fixture(scope="module")
def code(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make dist` makes."""
    folder = tmp_path_factory.mktemp("dist")
    environment = {**os.environ, "PYTHON": sys.executable, "DIST": str(folder)}
    subprocess.run([repository / "dist.sh"], check=True, env=environment, capture_output=True)
    return folder / "leia.zip"


def test_the_zip_holds_the_engine_and_nothing_else_and_is_the_same_each_time(repository, code, tmp_path) -> None:
    with zipfile.ZipFile(code) as archive:
        packed = {name: archive.read(name) for name in archive.namelist()}
    files = (file for file in (repository / "spark_jobs").rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    assert packed == {str(file.relative_to(repository)): file.read_bytes() for file in files}
    environment = {**os.environ, "PYTHON": sys.executable, "DIST": str(tmp_path)}
    subprocess.run([repository / "dist.sh"], check=True, env=environment, capture_output=True)
    assert (tmp_path / "leia.zip").read_bytes() == code.read_bytes()


def test_every_property_has_a_reason_is_known_to_spark_and_is_set_in_one_place(repository, spark) -> None:
    lines = (repository / "conf/spark/spark-defaults.conf").read_text(encoding="utf-8").splitlines()
    found = properties(repository)
    assert len(found) >= 5
    assert not found.keys() & _PROPERTIES.keys()
    entries = spark._jvm.org.apache.spark.internal.config.ConfigEntry
    for name in found:
        place = next(index for index, line in enumerate(lines) if line.startswith(f"{name} "))
        above = lines[place - 1]
        assert above.startswith(("# ", "spark.storage.decommission", "spark.decommission")), f"{name} has no reason above it"
        assert entries.findEntry(name) is not None, f"{name} is no property of Spark"
    assert entries.findEntry("spark.executor.memoryOverhed") is None


class Machine:
    """A process of the cluster that logs to a file; a worker's executors are its children."""

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

    def wait_for(self, pattern: str) -> re.Match[str]:
        ends = time.monotonic() + DEADLINE
        while time.monotonic() < ends and self.process.poll() is None:
            if found := re.search(pattern, self.log.read_text(encoding="utf-8", errors="replace")):
                return found
            time.sleep(0.1)
        pytest.fail(f"{pattern!r} was not said:\n{self.log.read_text(encoding='utf-8', errors='replace')}")

    def has_shuffle_files(self, since: float) -> bool:
        """Whether a task that ran here has written what tasks elsewhere will fetch, after that time."""
        return any(path.stat().st_mtime > since for path in self.scratch.rglob("shuffle_*.index"))

    def kill(self) -> None:
        """As a machine that is gone: the worker, its executor, the Python processes below, and what was on its disk."""
        if self.process.poll() is None:
            family = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]
            for process in family:
                process.kill()
            psutil.wait_procs(family, timeout=10)
        self.process.wait()
        shutil.rmtree(self.scratch)


@contextmanager
def cluster(folder: Path) -> Iterator[tuple[str, list[Machine]]]:
    """A master and two workers of a core each; gives the master's address and the workers."""
    machines: list[Machine] = []
    try:
        machines.append(Machine(folder, "master", ["master.Master"]))
        address = machines[0].wait_for(r"Starting Spark master at (spark://127\.0\.0\.1:\d+)")[1]
        for name in ("worker1", "worker2"):
            work = ["--cores", "1", "--memory", "1g", "--work-dir", str(folder / f"{name}.work"), address]
            machines.append(Machine(folder, name, ["worker.Worker", *work]))
        for worker in machines[1:]:
            worker.wait_for("Successfully registered with master")
        yield address, machines[1:]
    finally:
        for machine in machines:
            if machine.scratch.exists():
                machine.kill()


def events_of(folder: Path) -> list[dict[str, Any]]:
    [log] = folder.iterdir()
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


def files_of(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "_build.json")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_and_its_shuffle_files_gives_the_bytes_of_one_machine(
    repository, sample, spark, demo_settings: CorpusSettings, code, tmp_path
) -> None:
    for name in ("dumps", "events"):
        (tmp_path / name).mkdir()
    make_dumps(sample, tmp_path / "dumps", {WIKI: STREAMS})
    places = {"dumps_dir": str(tmp_path / "dumps"), "wikis": [WIKI]}
    settings = demo_settings.model_copy(update={**places, "output_dir": str(tmp_path / "out")})
    (tmp_path / "config.yaml").write_text(settings.to_yaml(), encoding="utf-8")
    shutil.copy(repository / "spark_jobs/build.py", tmp_path / "main.py")  # alone: everything else comes from the zip
    local = tmp_path / "local"
    build(spark, settings.model_copy(update={"output_dir": str(local)}))
    # Of the four stages align is fifty jobs of milliseconds: it is up to date where the articles are the same.
    shutil.copytree(local / "names", tmp_path / "out/names")

    with cluster(tmp_path) as (address, workers):
        defaults = repository / "conf/spark/spark-defaults.conf"
        line = [SPARK_HOME / "bin/spark-submit", "--master", address, "--properties-file", defaults, "--py-files", code]
        small = {"executor.cores": "1", "executor.memory": "600m", "driver.memory": "600m", "driver.host": "127.0.0.1"}
        small["shuffle.readHostLocalDisk"] = "false"  # executors of one machine would read each other's files
        events = {"enabled": "true", "dir": str(tmp_path / "events"), "compress": "false", "rolling.enabled": "false"}
        for name, value in {**small, **{f"eventLog.{name}": value for name, value in events.items()}}.items():
            line += ["--conf", f"spark.{name}={value}"]
        told = tmp_path / "driver.log"
        with told.open("wb") as log:
            driver = subprocess.Popen(
                [*line, "main.py", "--config", "config.yaml"], cwd=tmp_path, env=ENVIRONMENT, stdout=log, stderr=log
            )
        try:
            ends = time.monotonic() + DEADLINE
            # Where tokens are mixed: each shard takes rows from all tasks of the stage before, so what is lost is missed.
            encoding = next((tmp_path / "out/_staging").glob("encoded-*"), None)
            while encoding is None or not any(encoding.glob("attempts/part-*")):
                assert time.monotonic() < ends, told.read_text(encoding="utf-8", errors="replace")
                assert driver.poll() is None, told.read_text(encoding="utf-8", errors="replace")
                time.sleep(0.005)
                encoding = encoding or next((tmp_path / "out/_staging").glob("encoded-*"), None)
            began = encoding.stat().st_mtime
            lost = next(worker for worker in workers if worker.has_shuffle_files(began))
            lost.kill()
            assert driver.wait(DEADLINE) == 0, told.read_text(encoding="utf-8", errors="replace")
        finally:
            if driver.poll() is None:
                for process in [*psutil.Process(driver.pid).children(recursive=True), driver]:
                    process.kill()

    seen = events_of(tmp_path / "events")
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
    assert files_of(tmp_path / "out") == files_of(local)
