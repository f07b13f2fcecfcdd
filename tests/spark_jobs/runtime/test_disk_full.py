"""A full disk: the message, the published tables, and a second run."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spark_jobs.common.command_line import EXIT_CONFIGURATION
from spark_jobs.runtime.disk_full import DiskFullError
from spark_jobs.stages.build_stages import STAGES, build
from spark_jobs.stages.stage_runs import run_timed

from ..published_files import published_files

WIKI = "eswiki"
MULTISTREAM = "eswiki-20240101-pages-articles-multistream.xml.bz2"


def fill_disk(folder: Path, leave: int) -> Path:
    """A file that fills a disk except `leave` bytes."""
    filler = folder / "filler"
    filler.write_bytes(b"\0" * (shutil.disk_usage(folder).free - leave))
    return filler


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Any]:
    """A function (name, size) -> folder on a separate disk of that size."""
    folders: list[Path] = []

    def mount(name: str, size: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("a small disk cannot be mounted here: that needs root and the capability SYS_ADMIN")
        folders.append(folder)
        return folder

    yield mount
    for folder in folders:
        subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_stops_each_stage_with_a_message_and_a_second_run_resumes_there(
    spark, corpus, sample, dumps, settings, small_disk
) -> None:
    shutil.copy(sample / "dumps" / MULTISTREAM, dumps)
    disk = small_disk("disk", "4m")
    settings = settings.model_copy(update={"output_dir": str(disk / "out")})
    done: list[str] = []
    for name, stage in STAGES:
        visible = published_files(settings)
        filler = fill_disk(disk, leave=4096)
        with pytest.raises(
            DiskFullError,
            match=rf"^output_dir: '{disk}/out': No space left on device \([\d,]+ bytes of the unfinished stage are in "
            rf"_staging, [\d,]+ bytes are free now\); published tables are complete\..* run the same command again",
        ):
            build(spark, settings)
        assert published_files(settings) == visible
        filler.unlink()
        assert not run_timed(stage, spark, settings, WIKI).skipped
        done.append(name)
    filler = fill_disk(disk, leave=0)
    with pytest.raises(DiskFullError, match=r"^output_dir: "):  # only the report is not yet written
        build(spark, settings)
    filler.unlink()
    report = build(spark, settings)
    assert {entry["stage"] for entry in report["stages"] if entry["skipped"]} == set(done)
    assert not list((disk / "out" / "_staging").iterdir())
    of_this_wiki = {path for path in corpus.rglob("*.*") if f"wiki={WIKI}" in path.parts}
    assert {str(path.relative_to(corpus)) for path in of_this_wiki} == {f for f in published_files(settings) if "wiki=" in f}
    assert [path for path in of_this_wiki if path.read_bytes() != (disk / "out" / path.relative_to(corpus)).read_bytes()] == []


@pytest.mark.slow
def test_a_full_disk_of_spark_temporary_files_has_another_message(sample, dumps, settings, small_disk, tmp_path) -> None:
    shutil.copy(sample / "dumps" / MULTISTREAM, dumps)
    scratch = small_disk("scratch", "64k")
    conf = {**settings.spark.conf, "spark.local.dir": str(scratch)}
    settings = settings.model_copy(update={"spark": settings.spark.model_copy(update={"master": "local[2]", "conf": conf})})
    (tmp_path / "config.yaml").write_text(settings.to_yaml(), encoding="utf-8")
    command = [sys.executable, "-m", "spark_jobs.build", "--config", str(tmp_path / "config.yaml")]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert result.returncode == EXIT_CONFIGURATION
    assert "Traceback" not in result.stderr
    message = result.stderr.splitlines()[-1]
    assert message.startswith(f"error: spark.local.dir: '{scratch}': No space left on device. Spark writes temporary files")
    assert message.endswith("then run the same command again: it resumes with this stage")
    assert not any(path.endswith(".parquet") for path in published_files(settings) if "names" in path)
