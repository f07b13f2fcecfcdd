"""Row groups of `encoded` shards: opening a file once, reading columns of a row group, as flat NumPy arrays without copies."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from spark_jobs.common.storage import Location
from training.data.read_retries import CorpusError, retried

TOKEN_COLUMNS = ("input_ids", "entity_start", "entity_end", "name_lengths", "name_ids")


@dataclass(frozen=True)
class ShardFile:
    """A shard with its footer, which is read once."""

    location: Location
    where: str
    """As messages name it."""
    sha256: str
    """Of the whole file, as the manifest has it; `training.verify_data` compares it."""
    metadata: pq.FileMetaData
    attempts: int
    """How often a read is tried."""

    @classmethod
    def open(cls, location: Location, where: str, sha256: str, attempts: int) -> "ShardFile":
        """Read the footer.

        Raises:
            CorpusError: when it cannot be read, or is none of Parquet's.
        """

        def footer() -> pq.FileMetaData:
            with location.open() as file:
                return pq.read_metadata(file)

        try:
            return cls(location, where, sha256, retried(footer, where, attempts), attempts)
        except pa.ArrowInvalid as error:
            raise CorpusError(f"{where} is not a Parquet file ({error}); build the wiki again") from error

    @property
    def name(self) -> str:
        """File name."""
        return self.location.name

    def read(self, row_group: int, columns: Sequence[str]) -> pa.Table:
        """Some columns of a row group, each in one chunk. Pages are checked against their checksums, where they have some."""

        def read() -> pa.Table:
            with self.location.open() as source:
                file = pq.ParquetFile(source, metadata=self.metadata, pre_buffer=True, page_checksum_verification=True)
                return file.read_row_group(row_group, columns=list(columns)).combine_chunks()

        what = f"row group {row_group} of {self.where}"
        try:
            return retried(read, what, self.attempts)
        except pa.ArrowInvalid as error:
            raise CorpusError(
                f"{what} is damaged ({error}); run python -m training.verify_data, and build the wiki again"
            ) from error


class RowGroupTokens(NamedTuple):
    """One row group's documents. Links of a document, and their spans, count from the document's first token."""

    input_ids: npt.NDArray[np.integer]
    """[tokens] of all documents, one after the other."""
    begins: npt.NDArray[np.int64]
    """[documents + 1] first token of each document in `input_ids`."""
    link_begins: npt.NDArray[np.int64]
    """[documents + 1] first link of each document in the next three."""
    starts: npt.NDArray[np.int32]
    ends: npt.NDArray[np.int32]
    name_lengths: npt.NDArray[np.int32]
    name_begins: npt.NDArray[np.int64]
    """[documents + 1] first name token of each document in `name_ids`."""
    name_ids: npt.NDArray[np.integer]


def read_tokens(file: ShardFile, row_group: int, num_tokens: npt.NDArray[np.integer]) -> RowGroupTokens:
    """Read a row group.

    Args:
        file: the shard.
        row_group: its number in the shard.
        num_tokens: [documents] the lengths that the plan counts on.

    Raises:
        CorpusError: when it cannot be read, or does not hold documents of these lengths.
    """
    table = file.read(row_group, TOKEN_COLUMNS)
    input_ids, begins = flat(table["input_ids"])
    if not np.array_equal(np.diff(begins), num_tokens):
        raise CorpusError(
            f"row group {row_group} of {file.where} holds documents of other lengths than its column num_tokens said: the file "
            "has changed since it was opened, or contradicts itself; run python -m training.verify_data, and build the wiki again"
        )
    starts, link_begins = flat(table["entity_start"])
    ends, name_lengths = flat(table["entity_end"])[0], flat(table["name_lengths"])[0]
    name_ids, name_begins = flat(table["name_ids"])
    return RowGroupTokens(input_ids, begins, link_begins, starts, ends, name_lengths, name_begins, name_ids)


def flat(column: pa.ChunkedArray) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """The values of a list column one after the other, and where each row's begin (and the last one's end)."""
    lists = column.combine_chunks()
    if isinstance(lists, pa.ChunkedArray):
        lists = pa.concat_arrays(lists.chunks)
    offsets = lists.offsets.to_numpy().astype(np.int64)
    return lists.flatten().to_numpy(zero_copy_only=False), offsets - offsets[0]
