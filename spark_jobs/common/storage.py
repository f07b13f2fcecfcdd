"""Files and folders on local disks, HDFS and S3, through pyarrow's file systems."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pyarrow import fs

from spark_jobs.common.errors import ConfigurationError

_ONE_SLASH = re.compile(r"([a-z][a-z0-9+.-]+):/(?!/)")


@dataclass(frozen=True)
class Location:
    """A file or folder of a pyarrow file system. Can be pickled and sent to Spark tasks."""

    filesystem: fs.FileSystem
    path: str
    scheme: str
    """The part of the URI before the path: `file://`, `hdfs://host:port`, `s3a://`."""

    @classmethod
    def of(cls, text: str) -> "Location":
        """Parse a local path (relative to the current folder) or a URI: `hdfs://name:8020/path`, `s3://bucket/key`, `s3a://...`,
        `file:/path`.

        Raises `ConfigurationError` when the file system cannot be reached.
        """
        if (written := _ONE_SLASH.match(text)) is not None:
            if written[1] != "file":
                raise ConfigurationError(f"{text!r} has one slash behind the scheme; write {written[1]}://HOST/PATH")
            text = text.removeprefix("file:")  # Spark and Hadoop write local paths as file:/path
        if "://" not in text:
            return cls(fs.LocalFileSystem(), str(Path(text).resolve()), "file://")
        scheme, _, rest = text.partition("://")
        try:
            filesystem, path = fs.FileSystem.from_uri(text.replace("s3a://", "s3://", 1))
        except (OSError, ValueError) as error:  # pyarrow raises these
            hint = "; HDFS needs JAVA_HOME, HADOOP_HOME and CLASSPATH=$(hadoop classpath --glob) here and on the workers"
            raise ConfigurationError(f"{text!r} cannot be reached: {error}{hint if scheme == 'hdfs' else ''}") from error
        if scheme in ("s3", "s3a"):
            return cls(filesystem, path.rstrip("/"), "s3a://")
        return cls(filesystem, path.rstrip("/"), f"{scheme}://{rest.partition('/')[0]}")

    @property
    def renames_folders(self) -> bool:
        """Whether folders can be renamed in one step: on local disks and HDFS, not on S3."""
        return str(self.filesystem.type_name) != "s3"

    def __str__(self) -> str:
        """The path of a local file, else the URI: for messages."""
        return self.path if self.scheme == "file://" else self.uri

    def __truediv__(self, name: str) -> "Location":
        return Location(self.filesystem, f"{self.path}/{name}", self.scheme)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def uri(self) -> str:
        """The location as one string, unique for each file."""
        return self.scheme + self.path

    def exists(self) -> bool:
        """Whether the file or folder exists."""
        return self._info().type is not fs.FileType.NotFound

    def size(self) -> int:
        """Size of the file in bytes."""
        return int(self._info().size)

    def files(self) -> list[str]:
        """Paths of all files below this folder, relative to it, sorted. Raises FileNotFoundError if the folder does not exist."""
        selector = fs.FileSelector(self.path, recursive=True)
        found = [info.path for info in self.filesystem.get_file_info(selector) if info.type is fs.FileType.File]
        return sorted(path[len(self.path) + 1 :] for path in found)

    def open(self) -> BinaryIO:
        """Open the file for reading and seeking."""
        return self.filesystem.open_input_file(self.path)  # type: ignore[no-any-return]

    def read_bytes(self) -> bytes:
        """Read the whole file."""
        with self.open() as file:
            return file.read()

    def write_bytes(self, data: bytes) -> None:
        """Write the whole file; its folder must exist."""
        with self.create() as stream:
            stream.write(data)

    def create(self) -> BinaryIO:
        """Open the file for writing from its start. Bytes are written as given: the name's ending selects no compression."""
        return self.filesystem.open_output_stream(self.path, compression=None)  # type: ignore[no-any-return]

    def make_folder(self) -> None:
        """Create the folder and its parents."""
        self.filesystem.create_dir(self.path, recursive=True)

    def move_to(self, target: "Location") -> None:
        """Rename the file or folder; atomic on local disks and HDFS. On S3 only files can be moved, by copying them."""
        self.filesystem.move(self.path, target.path)

    def put_folder(self, target: "Location", last: str) -> None:
        """Move this folder to `target`, which must not exist: in one rename, or on S3 file by file.

        The file `last` is moved last: a folder without it is incomplete.
        """
        if self.renames_folders:
            self.filesystem.create_dir(target.path.rpartition("/")[0], recursive=True)
            self.move_to(target)
            return
        for name in sorted(self.files(), key=lambda name: (name == last, name)):
            (self / name).move_to(target / name)

    def remove(self) -> None:
        """Delete the file."""
        self.filesystem.delete_file(self.path)

    def remove_folder(self) -> None:
        """Delete the folder with its contents, if it exists."""
        if self.exists():
            self.filesystem.delete_dir(self.path)

    def sha256(self) -> str:
        """SHA-256 of the file in hex digits."""
        with self.open() as file:
            return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # it calls readinto only

    def _info(self) -> fs.FileInfo:
        return self.filesystem.get_file_info(self.path)
