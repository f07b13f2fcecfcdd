"""Measure a whole build, from dumps to `augmented`: CPU time of the process tree relative to bz2 decompression of the same bytes.

    pip install '.[spark,test]'
    python benchmarks/corpus.py DUMPS_DIR --megabytes 250 --megabytes 1000 --markdown --json figures.json

DUMPS_DIR holds multistream dumps and langlinks of the wikis. `inputs/replicated_dumps.py` makes larger dumps of them, with the
same bytes of XML for each wiki. For each size, `python -m spark_jobs.build` runs from a cold start to published `augmented` and
`links` on `--cores` cores, and `measuring/process_tree.py` watches its processes. The same run measures decompression of the
same files, before and after the build, and the parts of `extract` on one shard. Machines differ and are noisy: compare the
ratios.
"""

import bz2
import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from inputs.replicated_dumps import find_sources, replicate_dump
from measuring.machine import describe_machine, list_packages
from measuring.process_tree import Usage, watch_command
from measuring.result_tables import format_markdown, print_figures
from measuring.stage_parts import measure_parts_of_stages
from rich.console import Console

PACKAGES = ("pyspark", "pyarrow", "lxml")
JAWIKI_GB, ENWIKI_GB = 15, 100
BUSY_SHARE = 0.7
"""Share of a cluster's cores that are busy on average: the last tasks of a stage leave cores idle."""
DRIVER_SECONDS_PER_GB = 0.45
"""The driver reads each dump file once, for checksum and streams, at 500 MB/s; bz2 compresses about 4.5 bytes into one."""
CLUSTER_CORES = (16, 64, 256)
MB, GB = 1e6, 1e9
console = Console(stderr=True)


@dataclass
class MeasuredBuild:
    """The figures of one build: MB of XML, CPU seconds of decompression alone, usage of the build."""

    megabytes: float
    bz2_seconds: float
    usage: Usage
    parts: dict[str, float]
    """CPU time of each part of `extract` and of `augment`, decompression = 1."""

    @property
    def ratio(self) -> float:
        """CPU time of the build, decompression = 1."""
        return self.usage.total_cpu / self.bz2_seconds


def time_decompression(files: Sequence[Path]) -> tuple[float, int]:
    """Returns the CPU seconds to decompress the files in this process, and the bytes of their content."""
    started, size = time.process_time(), 0
    for file in files:
        with bz2.open(file) as opened:
            while block := opened.read1(2**20):
                size += len(block)
    return time.process_time() - started, size


def measure_build(dumps: Sequence[Path], wikis: Sequence[str], output: Path, cores: int) -> MeasuredBuild:
    """Builds the wikis from the dumps in these folders into the folder `output`, which is emptied first."""
    files = sorted(file for folder in dumps for file in folder.glob("*.xml.bz2"))
    before, size = time_decompression(files)
    shutil.rmtree(output, ignore_errors=True)
    joined = output.with_name(f"{output.name}-dumps")
    shutil.rmtree(joined, ignore_errors=True)
    joined.mkdir(parents=True)
    for folder in dumps:
        for file in folder.glob("*wiki-*"):
            (joined / file.name).symlink_to(file.resolve())
    config = output.with_suffix(".yaml")
    settings = {"dumps_dir": str(joined), "wikis": list(wikis), "output_dir": str(output), "spark": {"master": f"local[{cores}]"}}
    config.write_text(json.dumps(settings), encoding="utf-8")  # JSON is YAML
    usage = watch_command(
        [sys.executable, "-m", "spark_jobs.build", "--config", str(config)], output.with_suffix(".log"), os.environ
    )
    after, _ = time_decompression(files)
    return MeasuredBuild(size / MB, (before + after) / 2, usage, measure_parts_of_stages(files, output))


def build_rows(runs: Sequence[MeasuredBuild]) -> list[list[str]]:
    """Returns a row for each build, with the columns `HEADER`."""
    rows = []
    for run in runs:
        cpu, peak = run.usage.cpu, run.usage.peak
        rows.append(
            [
                f"{run.megabytes / 1000:.2f}",
                f"{run.ratio:.2f}",
                f"{run.usage.total_cpu / run.megabytes * 1000:.0f}",
                f"{run.usage.wall / run.megabytes * 1000:.0f}",
                *(f"{cpu.get(role, 0) / run.bz2_seconds:.2f}" for role in ("workers", "JVM", "driver")),
                *(f"{peak.get(role, 0) / MB:.0f}" for role in ("workers", "JVM", "driver")),
                f"{run.megabytes / run.bz2_seconds:.0f}",
            ]
        )
    return rows


HEADER = (
    "GB of XML", "CPU, bz2 = 1", "CPU s/GB", "wall s/GB", "workers", "JVM", "driver",
    "peak MB, a worker", "peak MB, JVM", "peak MB, driver", "bz2 MB/s",
)  # fmt: skip


def estimate_minutes(run: MeasuredBuild) -> list[str]:
    """Returns the estimated minutes of large wikis on clusters of the same cores, from the CPU time per byte; ignores storage."""
    per_gb = run.usage.total_cpu / run.megabytes * 1000
    lines = []
    for name, size in (("jawiki", JAWIKI_GB), ("enwiki", ENWIKI_GB)):
        minutes = [f"{_minutes(size, per_gb, cores):.0f} min on {cores} cores" for cores in CLUSTER_CORES]
        lines.append(f"{name} ({size} GB of XML): {', '.join(minutes)}")
    return lines


def describe_scaling(runs: Sequence[MeasuredBuild]) -> str:
    """Returns the mean cost of a GB and its spread over all sizes, and a linear fit: the fixed cost, and the cost of each GB.

    Costs are relative to decompression of the same bytes, because the speed of a machine drifts from run to run.
    """
    gigabytes = np.array([run.megabytes / 1000 for run in runs])
    ratios = np.array([run.ratio for run in runs])
    spread = np.abs(ratios / ratios.mean() - 1).max()
    text = f"CPU for a GB, {gigabytes.min():.2f} to {gigabytes.max():.2f} GB: {ratios.mean():.2f} x bz2 within {spread:.0%}"
    if len(runs) > 1:
        slope, fixed = np.polyfit(gigabytes, ratios * gigabytes, 1)
        text += f"; {fixed:.2f} x for the start, and {slope:.2f} x for each GB"
    return text


def _minutes(gigabytes: float, seconds_per_gb: float, cores: int) -> float:
    return gigabytes * (seconds_per_gb / cores / BUSY_SHARE + DRIVER_SECONDS_PER_GB) / 60


def main(
    dumps: Path,
    wiki: Annotated[list[str] | None, typer.Option(help="Wikis to build; repeatable.")] = None,
    megabytes: Annotated[list[float] | None, typer.Option(help="MB of XML of all wikis together; repeatable.")] = None,
    cores: int = 2,
    work: Annotated[Path, typer.Option(help="Folder of large dumps and tables; the dumps are kept.")] = Path("build/bench"),
    markdown: Annotated[bool, typer.Option("--markdown")] = False,
    json_file: Annotated[Path | None, typer.Option("--json")] = None,
) -> None:
    """Builds replicated dumps of several sizes, and prints seconds, CPU time and memory for each size."""
    wikis, sizes = wiki or ["elwiki", "jawiki"], megabytes or [250.0, 500.0, 1000.0, 2000.0]
    runs = []
    for size in sizes:
        folders = [replicate_dump(*find_sources(dumps, name), work, name, size / len(wikis)) for name in wikis]
        runs.append(measure_build(folders, wikis, (work / "corpus").resolve(), cores))
        console.print(f"{size:g} MB: {runs[-1].ratio:.2f} x bz2, {runs[-1].usage.wall:.0f} s")
    print_build_report(runs, markdown)
    if json_file is not None:
        figures = {
            "machine": describe_machine(PACKAGES),
            "runs": [asdict(run) | {"ratio": run.ratio} for run in runs],
        }
        json_file.write_text(json.dumps(figures, indent=1), encoding="utf-8")


def print_build_report(runs: Sequence[MeasuredBuild], markdown: bool) -> None:
    """Prints both tables, the scaling, the estimates for large wikis, and the machine."""
    parts = [[f"{run.megabytes / 1000:.2f}", *(f"{share:.2f}" for share in run.parts.values())] for run in runs]
    tables = [(HEADER, build_rows(runs)), (("GB of XML", *runs[-1].parts), parts)]
    for header, rows in tables:
        if markdown:
            print(format_markdown(header, rows, label_column=False) + "\n")
        else:
            print_figures(header, rows, console=console)
    print(describe_scaling(runs), *estimate_minutes(runs[-1]), sep="\n")
    machine = describe_machine(PACKAGES)
    print(f"{machine['processor']}, {machine['python']}, {list_packages(machine)}")


if __name__ == "__main__":
    typer.run(main)
