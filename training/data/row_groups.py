"""Row groups of `encoded` shards: opening a file once, reading columns of a row group, as flat NumPy arrays without copies."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from spark_jobs.common.storage import Location
from training.data.corpus_errors import CorpusError
from training.data.read_retries import read_with_retries

TOKEN_COLUMNS = ("input_ids", "entity_start", "entity_end", "name_lengths", "name_ids")


@dataclass(frozen=True)
class ShardFile:
    """A shard with its footer, which is read once."""

    location: Location
    where: str
    """Its path for messages."""
    sha256: str
    """Of the whole file, as the manifest has it; `training.verify_data` compares it."""
    metadata: pq.FileMetaData
    attempts: int
    """Attempts of a read."""

    @classmethod
    def open(cls, location: Location, where: str, sha256: str, attempts: int) -> "ShardFile":
        """Read the footer.

        Raises:
            CorpusError: when it cannot be read, or is not a Parquet file.
        """

        def footer() -> pq.FileMetaData:
            with location.open() as file:
                return pq.read_metadata(file)

        try:
            return cls(location, where, sha256, read_with_retries(footer, where, attempts), attempts)
        except pa.ArrowInvalid as error:
            raise CorpusError(f"{where} is not a Parquet file ({error}); build the wiki again") from error

    @property
    def name(self) -> str:
        """File name."""
        return self.location.name

    def read(self, row_group: int, columns: Sequence[str]) -> pa.Table:
        """Some columns of a row group, each in one chunk. Pages that have checksums are checked against them."""

        def read() -> pa.Table:
            with self.location.open() as source:
                file = pq.ParquetFile(source, metadata=self.metadata, pre_buffer=True, page_checksum_verification=True)
                return file.read_row_group(row_group, columns=list(columns)).combine_chunks()

        what = f"row group {row_group} of {self.where}"
        try:
            return read_with_retries(read, what, self.attempts)
        except pa.ArrowInvalid as error:
            raise CorpusError(
                f"{what} is damaged ({error}); run python -m training.verify_data, and build the wiki again"
            ) from error


class RowGroupTokens(NamedTuple):
    """The documents of one row group. Spans of links count from the first token of their document."""

    input_ids: npt.NDArray[np.integer]
    """[tokens] of all documents, one after the other."""
    begins: npt.NDArray[np.int64]
    """[documents + 1] first token of each document in `input_ids`."""
    link_begins: npt.NDArray[np.int64]
    """[documents + 1] first link of each document in the next three."""
    starts: npt.NDArray[np.integer]
    ends: npt.NDArray[np.integer]
    name_lengths: npt.NDArray[np.integer]
    name_begins: npt.NDArray[np.int64]
    """[documents + 1] first name token of each document in `name_ids`."""
    name_ids: npt.NDArray[np.integer]


def read_tokens(file: ShardFile, row_group: int, num_tokens: npt.NDArray[np.integer]) -> RowGroupTokens:
    """The tokens of a row group.

    Args:
        file: the shard.
        row_group: its number in the shard.
        num_tokens: [documents] the lengths that the plan uses.

    Raises:
        CorpusError: when it cannot be read, or does not hold documents of these lengths.
    """
    table = file.read(row_group, TOKEN_COLUMNS)
    input_ids, begins = flatten_lists(table["input_ids"])
    if not np.array_equal(np.diff(begins), num_tokens):
        raise CorpusError(
            f"row group {row_group} of {file.where} holds documents of other lengths than its column num_tokens: the file has "
            "changed since it was opened, or contradicts itself; run python -m training.verify_data, and build the wiki again"
        )
    starts, link_begins = flatten_lists(table["entity_start"])
    ends, name_lengths = flatten_lists(table["entity_end"])[0], flatten_lists(table["name_lengths"])[0]
    name_ids, name_begins = flatten_lists(table["name_ids"])
    return RowGroupTokens(input_ids, begins, link_begins, starts, ends, name_lengths, name_begins, name_ids)


def flatten_lists(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.int64]]:
    """([values] of an integer list column one after the other, [rows + 1] first value of each row and the end of the last)."""
    lists = column.combine_chunks()
    if isinstance(lists, pa.ChunkedArray):
        lists = pa.concat_arrays(lists.chunks)
    offsets = lists.offsets.to_numpy().astype(np.int64)
    return lists.flatten().to_numpy(zero_copy_only=False), offsets - offsets[0]
