"""Writers of Parquet shards with fixed options and checksums, and the report of each shard with the hash of its rows.

Spark's writer gives different footers from run to run and no file metadata, so tasks write with pyarrow. A task may run twice
(a retry, speculation): each attempt writes to a unique file name and reports it. Only the files that successful attempts
reported are published (`publication.py`).
"""

import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from spark_jobs.common.storage import Location
from spark_jobs.contract.arrow_columns import conform
from spark_jobs.contract.row_hash import add_hashes, sum_of_rows
from spark_jobs.publishing.hashing_file import HashingFile

_WRITE_OPTIONS: dict[str, Any] = {
    "version": "2.6",
    "compression": "zstd",
    "compression_level": 3,
    "data_page_version": "1.0",
    "write_statistics": True,
    "write_page_checksum": True,
}


@dataclass(frozen=True)
class ShardReport:
    """The file that an attempt wrote: `name` is its final name, `attempt` its name until it is published."""

    name: str
    attempt: str
    rows: int
    bytes: int
    sha256: str
    row_hash: int
    counters: Mapping[str, int]
    """Counts over the rows of the shard."""


PARQUET = ".parquet"


def shard_name(index: int) -> str:
    """File name of the shard `index`; names sort by index up to 99,999."""
    return f"part-{index:05d}{PARQUET}"


def shard_index(name: str) -> int:
    """Index of a shard, from its file name."""
    return int(name.removeprefix("part-").removesuffix(PARQUET))


class ShardWriter:
    """Write rows to one shard, in row groups of exactly `row_group_rows` rows (the last may be smaller).

    The file depends on the rows and their order only, not on the batches in which they arrive. Use as a context manager, then
    read `report`. The caller may add to `counters`, which become part of the report.
    """

    def __init__(self, folder: Location, name: str, schema: pa.Schema, row_group_rows: int) -> None:
        self._schema = schema
        self._row_group_rows = row_group_rows
        self._name = name
        self._attempt = f"{name}.{uuid.uuid4().hex}"
        self.counters: Counter[str] = Counter()
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0
        self._count = 0
        self._hash = 0
        self._file = HashingFile((folder / self._attempt).create())
        self._writer = pq.ParquetWriter(pa.PythonFile(self._file, mode="w"), schema, **_WRITE_OPTIONS)

    def __enter__(self) -> "ShardWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None and self._waiting_rows:
            self._write_group(pa.concat_tables(self._waiting))
        self._writer.close()
        self._file.close()

    def write(self, batch: pa.RecordBatch | pa.Table) -> None:
        """Append rows. Columns may be in any order and of any type that `conform` can convert to the schema's."""
        self._waiting.append(conform(batch, self._schema))
        self._waiting_rows += batch.num_rows
        if self._waiting_rows >= self._row_group_rows:
            table = pa.concat_tables(self._waiting)
            whole = self._waiting_rows - self._waiting_rows % self._row_group_rows
            for start in range(0, whole, self._row_group_rows):
                self._write_group(table.slice(start, self._row_group_rows))
            self._waiting, self._waiting_rows = [table.slice(whole)], self._waiting_rows - whole

    def write_rows(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append a few rows given as dictionaries."""
        self.write(pa.Table.from_pylist(list(rows), schema=self._schema))

    def _write_group(self, table: pa.Table) -> None:
        group = table.combine_chunks()  # a chunked column would end a page at each chunk
        self._hash = add_hashes([self._hash, sum_of_rows(group)])
        self._count += group.num_rows
        self._writer.write_table(group, row_group_size=self._row_group_rows)

    @property
    def report(self) -> ShardReport:
        """The report of the shard; valid after the context was left without an exception."""
        digest = self._file.digest.hexdigest()
        return ShardReport(self._name, self._attempt, self._count, self._file.bytes, digest, self._hash, dict(self.counters))


class RollingWriter:
    """Write rows to a shard, and after each `roll` to the next. Use as a context manager, then read `reports`, in order."""

    def __init__(self, folder: Location, name: str, schema: pa.Schema, row_group_rows: int) -> None:
        """Same arguments as `ShardWriter`. All shards have the same `name` until `number_shards` replaces it."""
        self._open: Callable[[], ShardWriter] = partial(ShardWriter, folder, name, schema, row_group_rows)
        self._writer = self._open()
        self.reports: list[ShardReport] = []

    def __enter__(self) -> "RollingWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._writer.__exit__(kind, error, trace)
        if kind is None:
            self.reports.append(self._writer.report)

    def write(self, batch: pa.RecordBatch | pa.Table) -> None:
        """Append rows to the current shard."""
        self._writer.write(batch)

    def roll(self) -> None:
        """Finish the current shard and begin the next."""
        self.__exit__(None, None, None)
        self._writer = self._open()


def number_shards(reports: Iterable[ShardReport]) -> list[ShardReport]:
    """The reports with the names of shards 0, 1, 2, ..."""
    return [replace(report, name=shard_name(index)) for index, report in enumerate(reports)]


def sum_counters(reports: Iterable[ShardReport]) -> Counter[str]:
    """The sums of the counters of all reports."""
    total: Counter[str] = Counter()
    for report in reports:
        total.update(report.counters)
    return total
