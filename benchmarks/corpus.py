"""What dump to `augmented` costs: CPU time of the whole process tree beside bare bz2 decompression of the same bytes.

    pip install '.[spark,test]'
    python benchmarks/corpus.py DUMPS_DIR --megabytes 250 --megabytes 1000 --markdown --json figures.json

DUMPS_DIR holds multistream dumps and langlinks of the wikis; `corpus_dumps.py` makes larger dumps of them, in equal parts by
bytes of XML. For each size, `python -m spark_jobs.build` runs from a cold start to published `augmented` and `links`, on
`--cores` cores, while its processes are watched from outside (`process_tree.py`). Bare decompression of the same files is
measured before and after it, in the same run, as is what the parts of `extract` cost by themselves on one shard. Machines differ
and are noisy: read the ratios.
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
from inputs.replicated_dumps import find, replicate
from measuring.machine import describe_machine
from measuring.process_tree import Usage, watch
from measuring.stage_parts import parts_of
from rich.console import Console
from rich.table import Table

PACKAGES = ("pyspark", "pyarrow", "lxml")
JAWIKI_GB, ENWIKI_GB = 15, 100
BUSY_SHARE = 0.7
"""Of a cluster's cores, the share that is busy on average: the last tasks of a stage leave cores idle."""
DRIVER_SECONDS_PER_GB = 0.45
"""The driver reads each dump file once, for its checksum and its streams: 500 MB/s, and bz2 makes about 4.5 of one byte."""
CLUSTER_CORES = (16, 64, 256)
MB, GB = 1e6, 1e9
console = Console(stderr=True)


@dataclass
class Run:
    """One build: how much it read, what bare decompression cost, what the build cost."""

    megabytes: float
    bz2_seconds: float
    usage: Usage
    parts: dict[str, float]
    """Share of CPU time of each part of `extract`, decompression = 1."""

    @property
    def ratio(self) -> float:
        """CPU time of the build, bare decompression = 1."""
        return self.usage.total_cpu / self.bz2_seconds


def decompress(files: Sequence[Path]) -> tuple[float, int]:
    """Seconds of CPU to decompress the files in one process, and the bytes that come out."""
    started, size = time.process_time(), 0
    for file in files:
        with bz2.open(file) as opened:
            while block := opened.read1(2**20):
                size += len(block)
    return time.process_time() - started, size


def measure(dumps: Sequence[Path], wikis: Sequence[str], output: Path, cores: int) -> Run:
    """Build all wikis, whose dumps lie in these folders, into an empty folder."""
    files = sorted(file for folder in dumps for file in folder.glob("*.xml.bz2"))
    before, size = decompress(files)
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
    usage = watch([sys.executable, "-m", "spark_jobs.build", "--config", str(config)], output.with_suffix(".log"), os.environ)
    after, _ = decompress(files)
    return Run(size / MB, (before + after) / 2, usage, parts_of(files, output))


def report(runs: Sequence[Run]) -> list[list[str]]:
    """A row for each run."""
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


def estimate(run: Run) -> list[str]:
    """Minutes for large wikis on a cluster of such cores, from the CPU time per byte of the largest run; storage is no limit."""
    per_gb = run.usage.total_cpu / run.megabytes * 1000
    lines = []
    for name, size in (("jawiki", JAWIKI_GB), ("enwiki", ENWIKI_GB)):
        minutes = [f"{_minutes(size, per_gb, cores):.0f} min on {cores} cores" for cores in CLUSTER_CORES]
        lines.append(f"{name} ({size} GB of XML): {', '.join(minutes)}")
    return lines


def flatness(runs: Sequence[Run]) -> str:
    """How far the cost of a GB lies from its mean over all sizes, and the line through them: what is fixed, what a GB adds.

    Both in decompression = 1, because the speed of a machine drifts from run to run: x of a GB's own decompression.
    """
    gigabytes = np.array([run.megabytes / 1000 for run in runs])
    ratios = np.array([run.ratio for run in runs])
    away = np.abs(ratios / ratios.mean() - 1).max()
    told = f"CPU for a GB, {gigabytes.min():.2f} to {gigabytes.max():.2f} GB: {ratios.mean():.2f} x bz2 within {away:.0%}"
    if len(runs) > 1:
        slope, fixed = np.polyfit(gigabytes, ratios * gigabytes, 1)
        told += f"; {fixed:.2f} x for the start, and {slope:.2f} x for each GB"
    return told


def _minutes(gigabytes: float, seconds_per_gb: float, cores: int) -> float:
    return gigabytes * (seconds_per_gb / cores / BUSY_SHARE + DRIVER_SECONDS_PER_GB) / 60


def main(
    dumps: Path,
    wiki: Annotated[list[str] | None, typer.Option(help="Wikis to build; repeatable.")] = None,
    megabytes: Annotated[list[float] | None, typer.Option(help="MB of XML in all; repeatable.")] = None,
    cores: int = 2,
    work: Annotated[Path, typer.Option(help="Where large dumps and tables are put; the dumps are kept.")] = Path("build/bench"),
    markdown: Annotated[bool, typer.Option("--markdown")] = False,
    json_file: Annotated[Path | None, typer.Option("--json")] = None,
) -> None:
    wikis, sizes = wiki or ["elwiki", "jawiki"], megabytes or [250.0, 500.0, 1000.0, 2000.0]
    runs = []
    for size in sizes:
        folders = [replicate(*find(dumps, name), work, name, size / len(wikis)) for name in wikis]
        runs.append(measure(folders, wikis, (work / "corpus").resolve(), cores))
        console.print(f"{size:g} MB: {runs[-1].ratio:.2f} x bz2, {runs[-1].usage.wall:.0f} s")
    show(runs, markdown)
    if json_file is not None:
        figures = {
            "machine": describe_machine(PACKAGES),
            "runs": [asdict(run) | {"ratio": run.ratio} for run in runs],
        }
        json_file.write_text(json.dumps(figures, indent=1), encoding="utf-8")


def show(runs: Sequence[Run], markdown: bool) -> None:
    rows = report(runs)
    parts = [[f"{run.megabytes / 1000:.2f}", *(f"{share:.2f}" for share in run.parts.values())] for run in runs]
    tables = [(HEADER, rows), (("GB of XML", *runs[-1].parts), parts)]
    if markdown:
        for header, lines in tables:
            print("|" + "|".join(f" {cell} " for cell in header) + "|\n" + "|" + "--:|" * len(header))
            print("\n".join("|" + "|".join(f" {cell} " for cell in line) + "|" for line in lines) + "\n")
    else:
        for header, lines in tables:
            grid = Table(*header)
            for line in lines:
                grid.add_row(*line)
            console.print(grid)
    print(flatness(runs), *estimate(runs[-1]), sep="\n")
    about = describe_machine(PACKAGES)
    print(
        f"{about['processor']}, {about['python']}, {', '.join(f'{name} {number}' for name, number in about['packages'].items())}"
    )


if __name__ == "__main__":
    typer.run(main)
