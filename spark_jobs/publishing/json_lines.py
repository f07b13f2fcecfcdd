"""Writer of a shard as JSON lines, with the same report as `ShardWriter`: checksum, row hash, counters."""

import json
import uuid
from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Literal

import pyarrow as pa

from spark_jobs.common.storage import Location
from spark_jobs.contract.row_hash import add_hashes, sum_of_rows
from spark_jobs.publishing.hashing_file import HashingFile
from spark_jobs.publishing.shard_writer import ShardReport

Compression = Literal["zstd", "gzip", "none"]
SUFFIXES: Mapping[Compression, str] = {"zstd": ".jsonl.zst", "gzip": ".jsonl.gz", "none": ".jsonl"}


class JsonLinesWriter:
    """Write rows as JSON objects, one per line, in UTF-8; the same rows give the same bytes.

    Each object begins with the keys of `constants`. The row hash leaves them out, so it equals that of a Parquet shard with the
    same rows. Use as a context manager, then read `report`. The caller may add to `counters`.
    """

    def __init__(
        self, folder: Location, name: str, schema: pa.Schema, compression: Compression, constants: Mapping[str, Any]
    ) -> None:
        self._schema = schema
        self._constants = dict(constants)
        self._name = name
        self._attempt = f"{name}.{uuid.uuid4().hex}"
        self.counters: Counter[str] = Counter()
        self._count = 0
        self._hash = 0
        self._file = HashingFile((folder / self._attempt).create())
        raw = pa.PythonFile(self._file, mode="w")
        self._stream = raw if compression == "none" else pa.CompressedOutputStream(raw, compression)

    def __enter__(self) -> "JsonLinesWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stream.close()
        self._file.close()

    def write(self, rows: pa.Table) -> None:
        """Append rows with the columns of the schema."""
        table = rows.select(self._schema.names).combine_chunks()
        lines = [json.dumps({**self._constants, **row}, ensure_ascii=False) + "\n" for row in table.to_pylist()]
        self._stream.write("".join(lines).encode())
        self._hash = add_hashes([self._hash, sum_of_rows(table)])
        self._count += table.num_rows

    @property
    def report(self) -> ShardReport:
        """The report of the shard; valid after the context was left without an exception."""
        digest = self._file.digest.hexdigest()
        return ShardReport(self._name, self._attempt, self._count, self._file.bytes, digest, self._hash, dict(self.counters))
