"""Where files lie: a local path or a URI, through pyarrow's file systems."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pyarrow import fs

_HASH_BYTES = 4 * 2**20


@dataclass(frozen=True)
class Location:
    """A file or folder of a pyarrow file system. Can be sent to Spark tasks."""

    filesystem: fs.FileSystem
    path: str
    scheme: str
    """What stands before the path in a URI that Spark understands: `file://`, `hdfs://host:port`, `s3a://`."""

    @classmethod
    def of(cls, text: str) -> "Location":
        """Read a local path (relative to the current folder) or a URI such as `hdfs://name:8020/path` or `s3://bucket/key`."""
        if "://" not in text:
            return cls(fs.LocalFileSystem(), str(Path(text).resolve()), "file://")
        filesystem, path = fs.FileSystem.from_uri(text)
        scheme, _, rest = text.partition("://")
        if scheme in ("s3", "s3a"):
            return cls(filesystem, path.rstrip("/"), "s3a://")
        return cls(filesystem, path.rstrip("/"), f"{scheme}://{rest.partition('/')[0]}")

    def __truediv__(self, name: str) -> "Location":
        return Location(self.filesystem, f"{self.path}/{name}", self.scheme)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def uri(self) -> str:
        """The location as Spark wants it."""
        return self.scheme + self.path

    def exists(self) -> bool:
        """Whether a file or folder is there."""
        return self._info().type is not fs.FileType.NotFound

    def size(self) -> int:
        """Bytes of the file."""
        return int(self._info().size)

    def files(self) -> list[str]:
        """Paths of all files below this folder, relative to it, sorted. Raises FileNotFoundError if it is not there."""
        selector = fs.FileSelector(self.path, recursive=True)
        found = [info.path for info in self.filesystem.get_file_info(selector) if info.type is fs.FileType.File]
        return sorted(path[len(self.path) + 1 :] for path in found)

    def open(self) -> BinaryIO:
        """Open the file for reading and seeking."""
        return self.filesystem.open_input_file(self.path)  # type: ignore[no-any-return]

    def read_bytes(self) -> bytes:
        """The whole file."""
        with self.open() as file:
            return file.read()

    def write_bytes(self, data: bytes) -> None:
        """Write the whole file; its folder must exist."""
        with self.filesystem.open_output_stream(self.path) as stream:
            stream.write(data)

    def make_folder(self) -> None:
        """Make the folder and those above it."""
        self.filesystem.create_dir(self.path, recursive=True)

    def move_to(self, target: "Location") -> None:
        """Rename the file or folder; atomic on local disks and HDFS."""
        self.filesystem.move(self.path, target.path)

    def remove_folder(self) -> None:
        """Delete the folder and everything in it, if it is there."""
        if self.exists():
            self.filesystem.delete_dir(self.path)

    def sha256(self) -> str:
        """Checksum of the file."""
        digest = hashlib.sha256()
        with self.open() as file:
            while block := file.read(_HASH_BYTES):
                digest.update(block)
        return digest.hexdigest()

    def _info(self) -> fs.FileInfo:
        return self.filesystem.get_file_info(self.path)
