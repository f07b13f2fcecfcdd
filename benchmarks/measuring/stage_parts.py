"""Measure the parts of `extract`, and `augment`, on one shard in this process, with a clock around each part."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow.parquet as pq

from spark_jobs.common.storage import Location
from spark_jobs.config import ExtractSettings
from spark_jobs.dumps import stream_decompression as streams
from spark_jobs.extraction import article_rows, unit_extraction
from spark_jobs.extraction.corrected_profile import correct_profile, find_profile, read_head_siteinfo
from spark_jobs.extraction.extract_job import ExtractJob
from spark_jobs.extraction.unit_planning import plan_units, survey_file
from spark_jobs.linking.name_resolution import TargetNames, load_pivots
from spark_jobs.publishing import shard_writer as shards
from spark_jobs.stages import augment_stage as augment
from spark_jobs.stages.extract_stage import wikitext_options


@contextmanager
def clock_functions(places: Sequence[tuple[Any, str, str]]) -> Iterator[dict[str, float]]:
    """Measures CPU seconds in functions while the block runs, by part. `places` are (module or class, function name, part)."""
    seconds: dict[str, float] = defaultdict(float)

    def timed(function: Callable[..., Any], part: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            started = time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                seconds[part] += time.process_time() - started

        return call

    patches = [mock.patch.object(place, name, timed(getattr(place, name), part)) for place, name, part in places]
    for patch in patches:
        patch.start()
    try:
        yield seconds
    finally:
        for patch in patches:
            patch.stop()


EXTRACT = (
    (unit_extraction, "parse_page", "XML"),
    (article_rows, "extract", "wikitext"),
    (unit_extraction, "articles_to_table", "Arrow"),
    (shards, "conform", "Arrow"),
    (shards, "sum_of_rows", "row hash"),
    (pq.ParquetWriter, "write_table", "Parquet"),
)


def measure_parts_of_stages(files: Sequence[Path], output: Path) -> dict[str, float]:
    """Returns the CPU time of each part on the first shard of each dump, decompression of the same streams = 1.

    Args:
        files: the dumps.
        output: a corpus built from them; `augment` reads its `articles` and `names`.
    """
    total: dict[str, float] = defaultdict(float)
    scratch = output.with_name("parts")
    scratch.mkdir(parents=True, exist_ok=True)
    for file in files:
        wiki = file.name.partition("-")[0]
        location = Location.of(str(file))
        unit = plan_units([survey_file(location)], ExtractSettings().bytes_per_shard)[0]
        siteinfo = read_head_siteinfo(location, wiki)
        job = ExtractJob(
            correct_profile(find_profile(wiki), siteinfo),
            siteinfo.base,
            "FAILFAST",
            wikitext_options(ExtractSettings()),
            Location.of(str(scratch)),
        )
        total["bz2"] += _time_decompression(file, unit.boundaries, unit.end)
        with clock_functions(EXTRACT) as seconds:
            started = time.process_time()
            unit_extraction.extract_unit(unit, job)
            whole = time.process_time() - started
        for part, spent in seconds.items():
            total[part] += spent
        total["extract, all"] += whole
        total["augment"] += _time_augment(output, wiki, scratch)
    bare = total.pop("bz2")
    return {"bz2": 1.0, **{part: spent / bare for part, spent in total.items()}}


def _time_decompression(file: Path, boundaries: Sequence[int], end: int) -> float:
    own = [boundary for boundary in boundaries if boundary <= end]
    started = time.process_time()
    with file.open("rb") as opened:
        for _ in streams.read_streams(opened, own):
            pass
    return time.process_time() - started


def _time_augment(output: Path, wiki: str, scratch: Path) -> float:
    source = Location.of(str(output / "articles" / f"wiki={wiki}" / "part-00000.parquet"))
    names = pq.read_table(output / "names" / f"wiki={wiki}", partitioning=None).to_pylist()
    targets = {
        row["title"]: TargetNames(row["page_id"], tuple((n["language"], n["title"], n["source"]) for n in row["names"]))
        for row in names
    }
    folder = Location.of(str(scratch))
    started = time.process_time()
    augment.augment_shard(source, targets, load_pivots(["en"]), {"augmented": folder, "links": folder})
    return time.process_time() - started
