"""Files are decompressed by the ending of their names."""

import bz2
import gzip
import io
import lzma

import pyarrow as pa
import pytest

from spark_jobs.dumps.compressed_files import DECOMPRESSION_ERRORS, open_decompressed

PACKED = {
    ".bz2": bz2.compress,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": lambda data: pa.compress(data, "zstd", asbytes=True),
}


@pytest.mark.parametrize("ending", PACKED)
@pytest.mark.parametrize("spoil", [lambda data: b"<html>404</html>", lambda data: data[:-6]], ids=["other bytes", "cut"])
def test_bytes_of_another_format_or_without_their_end_raise(ending: str, spoil) -> None:
    data = spoil(PACKED[ending](b"alpha" * 1000))
    with pytest.raises(DECOMPRESSION_ERRORS):
        open_decompressed(io.BytesIO(data), f"x{ending}").read()


@pytest.mark.parametrize("ending", PACKED)
def test_a_file_of_several_parts_is_read_to_its_end(ending: str) -> None:
    data = b"".join(map(PACKED[ending], [b"alpha", b"", b"beta"]))
    assert open_decompressed(io.BytesIO(data), f"a.b/x.xml{ending}").read() == b"alphabeta"


@pytest.mark.parametrize("name", ["x", "x.xml", "x.gz.part", "x.GZ", "folder.gz/x"])
def test_any_other_file_is_read_as_it_is(name: str) -> None:
    data = gzip.compress(b"alpha")
    assert open_decompressed(io.BytesIO(data), name).read() == data
