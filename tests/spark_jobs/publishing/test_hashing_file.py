"""Size and checksum of a file while it is written."""

import hashlib
import io

from spark_jobs.publishing.hashing_file import HashingFile


class CountingFile(io.BytesIO):
    """Counts the calls of `flush` and `close`, and stays readable."""

    flushes = closes = 0

    def flush(self) -> None:
        self.flushes += 1

    def close(self) -> None:
        self.closes += 1


def test_an_empty_file_has_the_checksum_of_no_bytes() -> None:
    file = HashingFile(io.BytesIO())
    assert (file.bytes, file.tell(), file.digest.hexdigest()) == (0, 0, hashlib.sha256(b"").hexdigest())


def test_bytes_are_written_hashed_and_counted() -> None:
    target = CountingFile()
    file = HashingFile(target)
    assert [file.write(data) for data in (b"abc", b"", b"de")] == [3, 0, 2]
    assert target.getvalue() == b"abcde"
    assert (file.bytes, file.tell(), file.digest.hexdigest()) == (5, 5, hashlib.sha256(b"abcde").hexdigest())


def test_the_wrapped_file_is_flushed_and_closed_once() -> None:
    target = CountingFile()
    file = HashingFile(target)
    assert not file.closed
    file.flush()
    file.close()
    file.close()
    assert (file.closed, target.flushes, target.closes) == (True, 1, 1)


def test_the_file_can_only_be_written() -> None:
    file = HashingFile(io.BytesIO())
    assert (file.writable(), file.readable(), file.seekable()) == (True, False, False)
