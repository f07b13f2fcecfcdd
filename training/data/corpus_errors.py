"""The error of a corpus that cannot be trained on, and how messages name its places."""

from pyarrow import fs

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.storage import Location


class CorpusError(ConfigurationError):
    """The corpus cannot be trained on as it is."""


def display_path(location: Location) -> str:
    """A location for messages: a plain path on a local disk, a URI elsewhere."""
    return location.path if location.scheme == "file://" else location.uri


def list_siblings(location: Location) -> str:
    """The folders beside a missing location, for a message; beside the nearest parent that has any."""
    parent = location.path.rpartition("/")[0]
    while True:
        selector = fs.FileSelector(parent or "/", allow_not_found=True)
        names = sorted(
            info.base_name for info in location.filesystem.get_file_info(selector) if info.type is fs.FileType.Directory
        )
        names = [name for name in names if not name.startswith("_")]
        if names or "/" not in parent.strip("/"):
            return f"{', '.join(names) or 'nothing'} in {display_path(Location(location.filesystem, parent, location.scheme))}"
        parent = parent.rpartition("/")[0]
